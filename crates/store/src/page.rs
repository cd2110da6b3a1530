//! Which jobs are listed, and in which pages.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;

use crate::record::JobRecord;
use crate::state::StateKind;

/// Which jobs a [`page`](crate::JobStore::page) lists, and in which order. A job must fulfil every condition.
///
/// ```
/// use vod_aigc_store::{JobFilter, StateKind};
///
/// // What a resume goes on with.
/// let unfinished = JobFilter::unfinished().endpoint("https://vod.tencentcloudapi.com");
/// // What failed or was refused of a batch on one day, the latest first.
/// let failed = JobFilter::all()
///     .state(StateKind::Failed)
///     .state(StateKind::Refused)
///     .label("spring campaign")
///     .ended(1_795_392_000..1_795_478_400)
///     .newest_first();
/// # let _ = (unfinished, failed);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JobFilter {
    /// Only jobs of these states; of all where it is empty.
    pub states: Vec<StateKind>,
    /// Only jobs that have not ended, see [`StateKind::is_final`]. A row that cannot be read counts as one of them unless
    /// the release that wrote it has noted its end.
    pub unfinished: bool,
    /// Only jobs of this account.
    pub account: Option<String>,
    /// Only jobs of this model, for example `Kling:2.1`.
    pub model: Option<String>,
    /// Only jobs that are sent to this server.
    pub endpoint: Option<String>,
    /// Only jobs with this label.
    pub label: Option<String>,
    /// Only jobs that were planned at or after the first and before the second time, in seconds since 1970-01-01 UTC.
    pub created: (Option<u64>, Option<u64>),
    /// Only jobs that ended at or after the first and before the second time, in seconds since 1970-01-01 UTC.
    pub ended: (Option<u64>, Option<u64>),
    /// Whether the job that was planned last is the first of the list.
    pub newest_first: bool,
}

impl JobFilter {
    /// Every job, oldest first.
    pub fn all() -> Self {
        Self::default()
    }

    /// Every job that has not ended, oldest first.
    pub fn unfinished() -> Self {
        Self { unfinished: true, ..Self::default() }
    }

    /// Adds a state: jobs of any of the added states are listed.
    #[must_use]
    pub fn state(mut self, kind: StateKind) -> Self {
        if !self.states.contains(&kind) {
            self.states.push(kind);
        }
        self
    }

    /// Only jobs of this account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Only jobs of this model, for example `Kling:2.1`.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Only jobs that are sent to this server.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Only jobs with this label.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Only jobs that were planned in this range, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn created(mut self, range: impl RangeBounds<u64>) -> Self {
        self.created = half_open(&range);
        self
    }

    /// Only jobs that ended in this range, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn ended(mut self, range: impl RangeBounds<u64>) -> Self {
        self.ended = half_open(&range);
        self
    }

    /// Lists the job that was planned last first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// Whether the job fulfils every condition. For those who implement a store.
    pub fn matches(&self, job: &JobRecord) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        let within = |(from, until): (Option<u64>, Option<u64>), time: u64| {
            from.is_none_or(|from| time >= from) && until.is_none_or(|until| time < until)
        };
        (self.states.is_empty() || self.states.contains(&job.state.kind()))
            && (!self.unfinished || !job.state.is_final())
            && is(&self.account, job.account.as_deref())
            && is(&self.model, Some(&job.model))
            && is(&self.endpoint, Some(&job.endpoint))
            && is(&self.label, job.label.as_deref())
            && within(self.created, job.created)
            && match job.ended {
                Some(ended) => within(self.ended, ended),
                None => self.ended == (None, None),
            }
    }
}

/// From the first on, and before the second.
fn half_open(range: &impl RangeBounds<u64>) -> (Option<u64>, Option<u64>) {
    let from = match range.start_bound() {
        Bound::Included(from) => Some(*from),
        Bound::Excluded(before) => Some(before.saturating_add(1)),
        Bound::Unbounded => None,
    };
    let until = match range.end_bound() {
        // A time that is the last of all numbers has no later one: then there is no end.
        Bound::Included(last) => last.checked_add(1),
        Bound::Excluded(until) => Some(*until),
        Bound::Unbounded => None,
    };
    (from, until)
}

/// Jobs of a store, in the order in which they were planned, or the reverse.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The jobs, and the rows that cannot be read.
    pub rows: Vec<Row>,
    /// Where the next page begins; none where this is the last.
    pub next: Option<Cursor>,
}

impl Page {
    /// A page. For those who implement a store.
    pub fn new(rows: Vec<Row>, next: Option<Cursor>) -> Self {
        Self { rows, next }
    }

    /// The jobs of the page that can be read.
    pub fn jobs(&self) -> impl Iterator<Item = &JobRecord> {
        self.rows.iter().filter_map(Row::job)
    }
}

/// A row of a [`Page`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every row is a job, and pages are short")]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum Row {
    /// A job, without its body.
    Job(JobRecord),
    /// A job that this release cannot read.
    Unreadable(UnreadableJob),
}

impl Row {
    /// The job; none where it cannot be read.
    pub fn job(&self) -> Option<&JobRecord> {
        match self {
            Self::Job(job) => Some(job),
            Self::Unreadable(_) => None,
        }
    }

    /// The key of the job.
    pub fn key(&self) -> &str {
        match self {
            Self::Job(job) => &job.key,
            Self::Unreadable(row) => &row.key,
        }
    }
}

/// A job that is in the store and cannot be read, because a newer release wrote it or because it is damaged. It is
/// never changed, and deleted only by a prune after its end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableJob {
    /// Its key.
    pub key: String,
    /// Its task, where the store knows it.
    pub task_id: Option<String>,
    /// Why it cannot be read.
    pub reason: String,
}

impl UnreadableJob {
    /// A job that cannot be read. For those who implement a store.
    pub fn new(key: impl Into<String>, task_id: Option<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), task_id, reason: reason.into() }
    }
}

/// The place of a job in the order of its store, where the next [`Page`] begins. It stays valid while jobs are added, changed and
/// deleted. As text it is two numbers with a point between them.
///
/// ```
/// use vod_aigc_store::Cursor;
///
/// let cursor: Cursor = "1795435200.7".parse().unwrap();
/// assert_eq!(cursor, Cursor::new(1_795_435_200, 7));
/// assert_eq!(cursor.to_string(), "1795435200.7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    created: u64,
    number: u64,
}

impl Cursor {
    /// The place of the job that was planned at this time, in seconds since 1970-01-01 UTC, as this one of its store.
    pub fn new(created: u64, number: u64) -> Self {
        Self { created, number }
    }

    /// When the last job of the page before was planned, in seconds since 1970-01-01 UTC.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// The number of that job in its store; each job has another, and a later one a higher.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created, self.number)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let numbers = text.split_once('.').and_then(|(created, number)| {
            let [created, number] = [created, number].map(|text| text.parse().ok());
            Some(Self::new(created?, number?))
        });
        numbers.ok_or_else(|| InvalidCursor(text.to_owned()))
    }
}

/// A text that is no [`Cursor`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidCursor(String);

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no cursor of a list of jobs: two numbers with a point between them", self.0)
    }
}

impl std::error::Error for InvalidCursor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_includes_its_start_and_not_what_follows_its_end() {
        assert_eq!(JobFilter::all().created(3..5).created, (Some(3), Some(5)));
        assert_eq!(JobFilter::all().created(3..=5).created, (Some(3), Some(6)));
        assert_eq!(JobFilter::all().ended(..).ended, (None, None));
        assert_eq!(JobFilter::all().ended(..=u64::MAX).ended, (None, None));
        assert_eq!(JobFilter::all().ended((Bound::Excluded(3), Bound::Unbounded)).ended, (Some(4), None));
    }

    #[test]
    fn a_text_that_is_no_cursor_is_named() {
        for text in ["", "1", "1.", ".1", "-1.2", "1.2.3"] {
            assert!(text.parse::<Cursor>().is_err_and(|error| error.to_string().contains(text)), "{text}");
        }
    }
}
