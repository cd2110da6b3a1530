//! All that the emulator remembers.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use crate::clock::later;
use crate::event_config::EventConfigs;
use crate::files::{File, TEMPORARY};
use crate::product::FACE;
use crate::quotas::Quotas;
use crate::tasks::{Bill, LedgerEntry, Stage, Task, Tasks};
use crate::tokens::Tokens;
use crate::upload::Uploads;

/// All that the emulator remembers.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) tasks: Tasks,
    /// What was paid for without a task, each with how many tasks there were before.
    made_at_once: Vec<(usize, LedgerEntry)>,
    /// The elements that were made without a task.
    pub(crate) custom_elements: HashSet<String>,
    /// The elements that were deleted.
    pub(crate) deleted: HashSet<String>,
    /// The looks at faces without a task: whose, and since when.
    pub(crate) faces: HashMap<String, (u64, SystemTime)>,
    pub(crate) quotas: Quotas,
    pub(crate) tokens: Tokens,
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
        if let Some((_, since)) = self.faces.get(id) {
            return Some(FACE).filter(|_| name == "face.jpg" && now < later(*since, TEMPORARY));
        }
        let task = self.tasks.find(id)?;
        let is_kept = task.is_stored() || now < later(task.ends, TEMPORARY);
        let is_served = task.stage(now) == Stage::Finished && is_kept;
        let file = task.product.files().into_iter().filter(|_| is_served).find(|(other, _)| other == name);
        file.map(|(_, file)| file)
    }

    /// Writes down what was paid for without a task.
    pub(crate) fn pay(&mut self, entry: LedgerEntry) {
        self.made_at_once.push((self.tasks.all().len(), entry));
    }

    fn entries(&self) -> Vec<&LedgerEntry> {
        let mut entries: Vec<_> = self.tasks.all().iter().map(|task| &task.entry).collect();
        for (before, entry) in self.made_at_once.iter().rev() {
            entries.insert(*before, entry);
        }
        entries
    }

    /// Whether something of the emulator's own making is there for a sub-application: it is made, and not deleted.
    pub(crate) fn has(&self, id: &str, sub_app_id: u64, now: SystemTime) -> bool {
        let made = |task: &Task| {
            task.product.id() == Some(id) && task.entry.sub_app_id == sub_app_id && task.stage(now) == Stage::Finished
        };
        let looked = self.faces.get(id).is_some_and(|(owner, _)| *owner == sub_app_id);
        let is_made = looked || self.custom_elements.contains(id) || self.tasks.all().iter().any(made);
        is_made && !self.deleted.contains(id)
    }
}
