//! All that the emulator remembers.

use std::time::SystemTime;

use crate::actions::EventConfigs;
use crate::clock::later;
use crate::files::{File, TEMPORARY};
use crate::kind::Kind;
use crate::tasks::{Bill, LedgerEntry, Stage, Tasks};
use crate::upload::Uploads;

/// All that the emulator remembers.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) tasks: Tasks,
    /// What was paid for without a task.
    pub(crate) made_at_once: Vec<LedgerEntry>,
    pub(crate) event_configs: EventConfigs,
    pub(crate) uploads: Uploads,
}

impl Store {
    /// Every accepted create, oldest first.
    pub(crate) fn ledger(&self) -> Vec<LedgerEntry> {
        self.entries().into_iter().cloned().collect()
    }

    /// What the real service would bill.
    pub(crate) fn bill(&self) -> Bill {
        Bill::of(&self.entries(), &self.tasks)
    }

    /// A file of what `id` names, while it is served.
    pub(crate) fn file(&self, id: &str, name: &str, now: SystemTime) -> Option<File> {
        let task = self.tasks.find(id)?;
        let is_kept = task.is_stored() || now < later(task.ends, TEMPORARY);
        let is_served = task.stage(now) == Stage::Finished && is_kept;
        let file = task.product.files().into_iter().filter(|_| is_served).find(|(other, _)| other == name);
        file.map(|(_, file)| file)
    }

    fn entries(&self) -> Vec<&LedgerEntry> {
        let mut entries: Vec<_> = self.tasks.all().iter().map(|task| &task.entry).chain(&self.made_at_once).collect();
        entries.sort_by_key(|entry| entry.time);
        entries
    }

    /// Whether something of the emulator's own making is there for a sub-application.
    pub(crate) fn has(&self, _id: &str, _sub_app_id: u64, _now: SystemTime) -> bool {
        false
    }

    /// The quota on tasks of this kind, what was used of it, and its unit.
    pub(crate) fn quota(&self, _kind: Kind, _sub_app_id: u64) -> Option<(u64, u64, &'static str)> {
        None
    }
}
