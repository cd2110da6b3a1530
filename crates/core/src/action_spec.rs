//! The actions of [`ACTIONS`] as data: what each is called, what it does and, with the feature `schemars`, its shapes.

#[cfg(feature = "schemars")]
use schemars::JsonSchema;
#[cfg(feature = "schemars")]
use serde::de::DeserializeOwned;

use crate::api::{Action, Effect};
use crate::generated::ACTIONS;
#[cfg(feature = "schemars")]
use crate::judgement::Shapes;

/// One action that this build has types for, without naming them.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ActionSpec {
    /// Its name as `X-TC-Action` carries it.
    pub name: &'static str,
    /// The service that signs and serves it.
    pub service: &'static str,
    /// The API version as `X-TC-Version` carries it.
    pub version: &'static str,
    /// What an accepted request does.
    pub effect: Effect,
    /// The member by which the service recognises a repeated request, if it has one.
    pub session_id: Option<&'static str>,
    /// The word of `TaskType` for the task that it starts, if it starts one.
    pub task: Option<&'static str>,
    #[cfg(feature = "schemars")]
    pub(crate) shapes: Shapes,
}

impl ActionSpec {
    /// The action of this name, if this build knows it: those of an area of the API come with its feature.
    pub fn find(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }

    /// The row of one action.
    #[cfg(not(feature = "schemars"))]
    pub(crate) const fn of<A: Action>(session_id: Option<&'static str>, task: Option<&'static str>) -> Self {
        Self { name: A::NAME, service: A::SERVICE, version: A::VERSION, effect: A::EFFECT, session_id, task }
    }

    /// The row of one action.
    #[cfg(feature = "schemars")]
    pub(crate) const fn of<A>(session_id: Option<&'static str>, task: Option<&'static str>) -> Self
    where
        A: Action<Reply: JsonSchema> + DeserializeOwned + JsonSchema,
    {
        let shapes = Shapes::of::<A>();
        Self { name: A::NAME, service: A::SERVICE, version: A::VERSION, effect: A::EFFECT, session_id, task, shapes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CreateAigcVideoTaskRequest;

    #[test]
    fn a_row_says_what_the_type_says() {
        let video = ActionSpec::find(CreateAigcVideoTaskRequest::NAME).expect("video is always there");
        assert_eq!((video.service, video.version, video.effect), ("vod", "2018-07-17", Effect::Paid));
        assert_eq!((video.session_id, video.task), (Some("SessionId"), Some("AigcVideoTask")));
        assert!(ActionSpec::find("createaigcvideotask").is_none());
    }

    #[test]
    fn no_action_stands_twice() {
        for (index, action) in ACTIONS.iter().enumerate() {
            assert!(ACTIONS[..index].iter().all(|other| other.name != action.name), "{}", action.name);
        }
    }

    #[test]
    fn what_starts_a_task_costs_money() {
        for action in ACTIONS.iter().filter(|action| action.task.is_some()) {
            assert_eq!(action.effect, Effect::Paid, "{}", action.name);
        }
    }
}
