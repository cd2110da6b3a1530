//! The quotas that an account has set.

use std::time::SystemTime;

use vod_aigc_core::{QuotaType, Secret};

use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::tasks::{Task, Tasks};

/// The quotas in force.
#[derive(Default)]
pub(crate) struct Quotas(pub(crate) Vec<Quota>);

pub(crate) struct Quota {
    pub(crate) sub_app_id: u64,
    pub(crate) kind: QuotaType,
    /// The token that is limited; of a quota on text only.
    pub(crate) token: Option<Secret>,
    pub(crate) limit: u64,
    pub(crate) since: SystemTime,
}

impl Quotas {
    /// The quota on tasks of this kind, what was used of it, and its unit.
    pub(crate) fn of(&self, kind: Kind, sub_app_id: u64, tasks: &Tasks) -> Option<(u64, u64, &'static str)> {
        let (wanted, unit) = match kind {
            Kind::Video => (QuotaType::Video, "seconds of video"),
            Kind::Image => (QuotaType::Image, "images"),
            _ => return None,
        };
        let quota = self.0.iter().find(|quota| quota.sub_app_id == sub_app_id && quota.kind == wanted)?;
        Some((quota.limit, quota.used(tasks), unit))
    }

    pub(crate) fn find(&mut self, sub_app_id: u64, kind: &QuotaType, token: &Option<Secret>) -> Result<usize, Refusal> {
        let same = |quota: &Quota| quota.sub_app_id == sub_app_id && quota.kind == *kind && quota.token == *token;
        self.0.iter().position(same).ok_or_else(|| {
            let message = format!("this SubAppId has no such quota on {}; create it", kind.as_str());
            Refusal::new("ResourceNotFound", message)
        })
    }
}

impl Quota {
    /// What was ordered since it is in force. Text is made elsewhere.
    pub(crate) fn used(&self, tasks: &Tasks) -> u64 {
        let counts = |task: &Task| match self.kind {
            QuotaType::Video => task.kind == Kind::Video,
            QuotaType::Image => task.kind == Kind::Image,
            _ => false,
        };
        let own = |task: &&Task| task.entry.billed && task.entry.sub_app_id == self.sub_app_id;
        let since = tasks.all().iter().filter(own).filter(|task| task.entry.time >= self.since && counts(task));
        since.map(|task| task.product.amount()).sum()
    }
}
