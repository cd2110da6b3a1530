//! Reading the list of tasks, page by page.

use std::time::{Duration, SystemTime};

use vod_aigc_core::{
    DescribeTasksRequest, DescribeTasksResponse, SortBy, SortOrder, TaskSimpleInfo, TaskStatus, TimeRange,
};
use vod_aigc_transport::Error;

use crate::time::{iso, seconds};

/// From the beginning of a sweep to that of the next, where its pages do not take longer.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);
/// The time for each page, which keeps sweeps to less than seven requests a second.
const PAGE_TIME: Duration = Duration::from_millis(150);
/// How many tasks a page holds.
const PAGE: u64 = 100;
/// A list that shows nothing is read again after ever longer times, up to this.
const LONGEST: Duration = Duration::from_secs(300);

/// One reading of the list, from the newest task back to the oldest that is waited for.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) began: SystemTime,
    /// No task that is waited for is older.
    oldest: SystemTime,
    most_pages: u32,
    pages: u32,
    scroll_token: Option<String>,
}

/// What comes after a page.
pub(super) enum Next {
    /// The next page, not before this time.
    Page(SystemTime),
    /// The sweep is complete, and shows every task that was created since this time.
    Complete { reached: SystemTime },
    /// It failed.
    Failed,
}

impl Sweep {
    pub(super) fn new(began: SystemTime, oldest: SystemTime, tasks: usize) -> Self {
        // A list with more pages than this holds too much that no caller here waits for: to poll each of the older tasks costs
        // less, or is quicker.
        let most_pages = u32::try_from(tasks.min(400.max(tasks / 50))).unwrap_or(u32::MAX).max(1);
        Self { began, oldest, most_pages, pages: 0, scroll_token: None }
    }

    pub(super) fn request(&self, sub_app_id: u64) -> DescribeTasksRequest {
        let mut window = TimeRange::default();
        window.after = Some(iso(seconds(self.oldest)));
        let mut request = DescribeTasksRequest::default();
        request.create_time = Some(window);
        request.sub_app_id = Some(sub_app_id);
        request.limit = Some(PAGE);
        request.sort = Some(SortBy::new("CreateTime", SortOrder::Desc));
        request.scroll_token.clone_from(&self.scroll_token);
        request
    }

    /// Takes in a page, whose rows the caller has read.
    pub(super) fn page(&mut self, page: &Result<DescribeTasksResponse, Error>) -> Next {
        self.pages += 1;
        let Ok(page) = page else { return Next::Failed };
        let next = page.scroll_token.clone().filter(|token| !token.is_empty());
        if next.is_none() {
            return Next::Complete { reached: self.oldest };
        }
        // A token that comes again would lead around in a circle.
        if next == self.scroll_token {
            return Next::Failed;
        }
        if self.pages == self.most_pages {
            let last = page.task_set.as_ref().and_then(|rows| created(rows.last()?));
            return last.map_or(Next::Failed, |reached| Next::Complete { reached });
        }
        self.scroll_token = next;
        Next::Page(self.began + PAGE_TIME * self.pages)
    }

    /// From the beginning of this sweep to that of the next, after so many sweeps that showed nothing.
    pub(super) fn length(&self, silent: u32) -> Duration {
        let length = INTERVAL.max(PAGE_TIME * self.pages);
        if silent == 0 { length } else { length.max(LONGEST.min(length * 2_u32.saturating_pow(silent))) }
    }
}

pub(super) fn created(row: &TaskSimpleInfo) -> Option<SystemTime> {
    humantime::parse_rfc3339(row.create_time.as_deref()?).ok()
}

/// How far a task is by its row, which says less than the task itself: whatever is not known to go on may have ended.
pub(super) fn progress(row: &TaskSimpleInfo) -> Option<vod_aigc_core::Progress> {
    match row.status {
        Some(TaskStatus::Waiting | TaskStatus::Wait) => Some(vod_aigc_core::Progress::Waiting),
        Some(TaskStatus::Processing | TaskStatus::Run) => Some(vod_aigc_core::Progress::Processing(None)),
        _ => None,
    }
}
