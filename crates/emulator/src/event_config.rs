//! Where the events of tasks that have ended go.

use std::time::SystemTime;

use vod_aigc_core::{EventMode, EventSwitch, Secret};

use crate::tasks::Task;

/// Where the events of a sub-application go from some time on.
#[derive(Clone)]
pub(crate) struct EventConfig {
    pub(crate) mode: EventMode,
    pub(crate) url: String,
    /// Signs what is posted.
    pub(crate) key: Option<Secret>,
    /// Of uploads, deletions and clips, none of which the emulator has events of.
    pub(crate) switches: [EventSwitch; 3],
}

impl Default for EventConfig {
    fn default() -> Self {
        Self {
            mode: EventMode::Pull,
            url: String::new(),
            key: None,
            switches: [EventSwitch::Off, EventSwitch::Off, EventSwitch::Off],
        }
    }
}

impl EventConfig {
    /// Posts to this URL.
    pub(crate) fn push(url: String, key: Option<Secret>) -> Self {
        Self { mode: EventMode::Push, url, key, ..Self::default() }
    }
}

/// Every configuration that there has been, so that an event goes where it was to go when its task ended.
#[derive(Default)]
pub(crate) struct EventConfigs {
    /// Of every sub-application that has set none; `None` is a queue.
    pub(crate) default: Option<EventConfig>,
    set: Vec<(u64, SystemTime, EventConfig)>,
}

impl EventConfigs {
    /// Takes effect for the tasks that end from `since` on.
    pub(crate) fn set(&mut self, sub_app_id: u64, since: SystemTime, config: EventConfig) {
        self.set.push((sub_app_id, since, config));
    }

    /// The configuration of a sub-application at some time; `None` is the default.
    pub(crate) fn at(&self, sub_app_id: u64, time: SystemTime) -> Option<&EventConfig> {
        let mut newest_first = self.set.iter().rev();
        newest_first
            .find(|(owner, since, _)| *owner == sub_app_id && *since <= time)
            .map(|(.., config)| config)
            .or(self.default.as_ref())
    }

    pub(crate) fn is_queued(&self, task: &Task) -> bool {
        self.at(task.entry.sub_app_id, task.ends).is_none_or(|config| config.mode == EventMode::Pull)
    }
}
