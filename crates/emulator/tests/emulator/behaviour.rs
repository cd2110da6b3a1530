//! Each setting of a behaviour, seen by moving the clock.

use std::time::Duration;

use serde_json::{Value, json};
use vod_aigc_emulator::{
    Behaviour, Clock, Concurrency, DuplicateCode, Emulator, Fault, FaultRule, InProcess, Overflow, RequestEffect,
    SessionIdPolicy, Target, Timing, When,
};

use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

fn behaving(behaviour: Behaviour) -> InProcess {
    Emulator::builder().clock(Clock::manual(noon())).behaviour(behaviour).in_process()
}

fn create_with(service: &InProcess, session_id: &str) -> Value {
    create_in(service, json!({ "SessionId": session_id }))
}

#[test]
fn a_refused_request_consumes_its_session_id_only_where_any_request_does() {
    for (session_id_policy, consumed) in
        [(SessionIdPolicy::ConsumedOnAccept, false), (SessionIdPolicy::ConsumedOnRequest, true)]
    {
        let service = behaving(Behaviour { session_id_policy, ..Behaviour::default() });
        let refused = create_in(&service, json!({ "SessionId": "s", "ModelVersion": "9.9" }));
        assert_refused(&refused, "InvalidParameterValue", "9.9");
        let again = create_with(&service, "s");
        if consumed {
            assert_refused(&again, "InvalidParameterValue.SessionId", "72 hours");
        } else {
            assert!(again["TaskId"].is_string(), "{again}");
        }
        assert_eq!(service.bill().duplicates_refused, u64::from(consumed));
        assert_eq!(service.bill().billed, u64::from(!consumed));
    }
}

#[test]
fn an_error_of_the_action_consumes_the_id_and_one_of_the_gateway_does_not() {
    for (code, consumed) in [("InternalError", true), ("RequestLimitExceeded", false), ("AuthFailure", false)] {
        let service =
            behaving(Behaviour { session_id_policy: SessionIdPolicy::ConsumedOnRequest, ..Behaviour::default() });
        let fault = Fault::Error { request: RequestEffect::Discarded, code: code.to_owned() };
        service.inject(FaultRule::any(When::Nth(1), fault));
        assert_eq!(create_with(&service, "s")["Error"]["Code"], code);
        assert_eq!(create_with(&service, "s").get("TaskId").is_none(), consumed, "{code}");
    }
}

#[test]
fn a_session_id_is_free_again_after_its_window() {
    for window_hours in [72, 168] {
        let service = behaving(Behaviour { window_hours, ..Behaviour::default() });
        assert!(create_with(&service, "s")["TaskId"].is_string());
        service.advance(HOUR * window_hours - SECOND);
        assert_refused(&create_with(&service, "s"), "InvalidParameterValue.SessionId", "hours");
        service.advance(SECOND);
        assert!(create_with(&service, "s")["TaskId"].is_string());
        assert_eq!(service.bill().by_session_id["s"], 2);
    }
}

#[test]
fn each_candidate_of_the_duplicate_code_can_be_chosen() {
    for duplicate_code in DuplicateCode::ALL {
        let service = behaving(Behaviour { duplicate_code, ..Behaviour::default() });
        create_with(&service, "s");
        assert_refused(&create_with(&service, "s"), duplicate_code.as_str(), "look for its task");
        let written: DuplicateCode = serde_json::from_value(json!(duplicate_code.as_str())).unwrap();
        assert_eq!(written, duplicate_code);
    }
}

#[test]
fn lists_and_details_lag_and_end_as_told() {
    let service =
        behaving(Behaviour { list_lag: 60 * SECOND, detail_lag: 5 * SECOND, visible_hours: 1, ..Behaviour::default() });
    let task_id = create_with(&service, "s")["TaskId"].clone();
    let seen = || (list_in(&service, json!({})).0.len(), describe_in(&service, &task_id).get("Error").is_none());
    assert_eq!(seen(), (0, false));
    service.advance(5 * SECOND);
    assert_eq!(seen(), (0, true));
    service.advance(54 * SECOND);
    assert_eq!(seen(), (0, true));
    service.advance(SECOND);
    assert_eq!(seen(), (1, true));
    service.advance(HOUR - 61 * SECOND);
    assert_eq!(seen(), (1, true));
    service.advance(SECOND);
    assert_eq!(seen(), (0, false));

    let service = behaving(Behaviour { list_shows_aigc: false, ..Behaviour::default() });
    let task_id = create_with(&service, "s")["TaskId"].clone();
    assert!(list_in(&service, json!({})).0.is_empty());
    assert_eq!(describe_in(&service, &task_id)["Status"], "WAITING");
}

#[test]
fn a_task_beyond_the_concurrency_limit_is_refused_or_fails_at_once() {
    let limited = |overflow| {
        let service =
            behaving(Behaviour { concurrency: Some(Concurrency { limit: 1, overflow }), ..Behaviour::default() });
        assert!(create_with(&service, "one")["TaskId"].is_string());
        let second = create_with(&service, "two");
        (service, second)
    };
    let (service, refused) = limited(Overflow::Reject);
    assert_refused(&refused, "RequestLimitExceeded", "70000");
    service.advance(4 * SECOND);
    assert!(create_with(&service, "two")["TaskId"].is_string(), "the first has ended, and no id was consumed");

    let (service, accepted) = limited(Overflow::Finish);
    let task = describe_in(&service, &accepted["TaskId"]);
    let inner = &task["AigcVideoTask"];
    assert_eq!((&task["Status"], &inner["ErrCode"]), (&json!("FINISH"), &json!(70000)));
    assert_eq!(inner["ErrCodeExt"], "RequestLimitExceeded");
    let bill = service.bill();
    assert_eq!((bill.accepted, bill.billed), (2, 1));
    assert_eq!(service.ledger()[1].failure.as_deref(), Some("RequestLimitExceeded"));
    service.advance(4 * SECOND);
    assert_eq!(describe_in(&service, &accepted["TaskId"])["AigcVideoTask"]["ErrCode"], 70000);
}

#[test]
fn no_second_serves_more_calls_than_its_limit() {
    let service = behaving(Behaviour { creates_a_second: Some(20), reads_a_second: Some(100), ..Behaviour::default() });
    let creates = |count: usize| (0..count).filter(|_| create_in(&service, json!({})).get("TaskId").is_some()).count();
    let reads = |count: usize| {
        let body = json!({ "SubAppId": SUB_APP });
        (0..count).filter(|_| answer(&service, "DescribeTasks", &body).get("Error").is_none()).count()
    };
    assert_eq!((creates(12), reads(101)), (12, 100));
    service.advance(SECOND / 2);
    assert_eq!((creates(12), reads(1)), (8, 0));
    service.advance(SECOND / 2);
    assert_eq!((creates(30), reads(30)), (12, 30), "only the first half second is a second ago");
    assert_refused(&create_in(&service, json!({})), "RequestLimitExceeded", "20 calls");
    assert_eq!(service.bill().calls_refused, 1 + 4 + 1 + 18 + 1);
    let pulled = answer(&service, "PullEvents", &json!({ "SubAppId": SUB_APP }));
    assert_eq!(pulled["EventSet"], json!([]), "each action has a limit of its own");
}

#[test]
fn a_quota_counts_seconds_of_video() {
    let service = behaving(Behaviour { quota_seconds: Some(12), ..Behaviour::default() });
    let create = |seconds: u32| create_in(&service, json!({ "OutputConfig": { "Duration": seconds } }));
    assert!(create(5)["TaskId"].is_string());
    assert_refused(&create(8), "LimitExceeded.Quota", "12 seconds");
    assert!(create(7)["TaskId"].is_string());
    assert_refused(&create(3), "LimitExceeded.Quota", "12 seconds");
}

#[test]
fn a_list_filters_sorts_and_pages() {
    let service = Emulator::builder()
        .clock(Clock::manual(noon()))
        .timing(Timing { waiting: 10 * SECOND, processing: 10 * SECOND })
        .in_process();
    for minute in 0..5 {
        create_with(&service, &format!("s{minute}"));
        service.advance(60 * SECOND);
    }
    create_in(&service, json!({ "SessionId": "other", "SubAppId": 7 }));
    service.advance(15 * SECOND);
    create_in(&service, json!({ "SessionId": "s5", "SessionContext": "mine" }));

    let all = |filter: Value| list_in(&service, filter).0;
    assert_eq!(all(json!({})), ["s5", "s4", "s3", "s2", "s1", "s0"], "newest first");
    assert_eq!(all(json!({ "Sort": { "Field": "CreateTime", "Order": "Asc" }, "Limit": 2 })), ["s0", "s1"]);
    assert_eq!(all(json!({ "Sort": { "Field": "FinishTime", "Order": "Asc" }, "Limit": 2 })), ["s5", "s0"]);
    assert_eq!(all(json!({ "Status": "WAITING" })), ["s5"]);
    assert_eq!(all(json!({ "Status": "FINISH" })).len(), 5);
    assert_eq!(all(json!({ "FileId": "5285890784363430543" })), [""; 0]);
    let created = json!({ "CreateTime": { "After": "2026-11-23T12:01:00Z", "Before": "2026-11-23T20:03:00+08:00" } });
    assert_eq!(all(created), ["s2", "s1"], "from the first time on, up to the second");
    assert_eq!(all(json!({ "FinishTime": { "After": "2026-11-23T12:03:20Z" } })), ["s4", "s3"]);

    for field in ["CreateTime", "FinishTime"] {
        for order in ["Asc", "Desc"] {
            let pages = pages(&service, &json!({ "Sort": { "Field": field, "Order": order }, "Limit": 4 }));
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2], "{field} {order}");
            let mut seen = pages.concat();
            seen.sort();
            assert_eq!(seen, ["s0", "s1", "s2", "s3", "s4", "s5"], "each once");
        }
    }

    let (_, token) = list_in(&service, json!({ "Limit": 2 }));
    create_with(&service, "s6");
    assert_eq!(all(json!({ "Limit": 2, "ScrollToken": token })), ["s3", "s2"], "a new task moves no page");

    let page = answer(&service, "DescribeTasks", &json!({ "SubAppId": SUB_APP, "Status": "WAITING", "Limit": 100 }));
    let row = &page["TaskSet"][1];
    assert_eq!((&row["SessionId"], &row["SessionContext"]), (&json!("s5"), &json!("mine")));
    assert_eq!((&row["TaskType"], &row["FinishTime"]), (&json!("AigcVideoTask"), &json!("")));
    assert_eq!(row["CreateTime"], "2026-11-23T12:05:15Z");
}

/// The SessionIds of each page of DescribeTasks.
fn pages(service: &InProcess, filter: &Value) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut filter = filter.clone();
    loop {
        let (page, token) = list_in(service, filter.clone());
        pages.push(page);
        if token.is_empty() {
            return pages;
        }
        filter["ScrollToken"] = token.into();
    }
}

#[test]
fn tasks_that_are_created_at_the_same_time_are_listed_once_each() {
    let service = Emulator::builder().in_process();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let service = &service;
            scope.spawn(move || (0..50).for_each(|number| drop(create_with(service, &format!("s{thread}-{number}")))));
        }
    });
    for order in ["Asc", "Desc"] {
        let mut seen =
            pages(&service, &json!({ "Sort": { "Field": "CreateTime", "Order": order }, "Limit": 1 })).concat();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 200, "{order}");
    }
}

#[test]
fn a_wrong_list_request_is_refused_by_its_member() {
    let service = behaving(Behaviour::default());
    for (filter, code, words) in [
        (json!({}), "MissingParameter", "SubAppId"),
        (json!({ "SubAppId": 1, "Limit": 0 }), "InvalidParameterValue", "Limit"),
        (json!({ "SubAppId": 1, "Limit": 101 }), "InvalidParameterValue", "1 to 100"),
        (json!({ "SubAppId": 1, "Limit": "many" }), "InvalidParameter", "Limit"),
        (json!({ "SubAppId": 1, "Status": "ABORTED" }), "InvalidParameterValue", "Status"),
        (json!({ "SubAppId": 1, "ScrollToken": "x" }), "InvalidParameterValue", "ScrollToken"),
        (json!({ "SubAppId": 1, "CreateTime": { "After": "noon" } }), "InvalidParameterValue", "CreateTime.After"),
        (json!({ "SubAppId": 1, "Sort": { "Field": "Size", "Order": "Asc" } }), "InvalidParameterValue", "Sort.Field"),
        (
            json!({ "SubAppId": 1, "Sort": { "Field": "CreateTime", "Order": "up" } }),
            "InvalidParameterValue",
            "Sort.Order",
        ),
    ] {
        assert_refused(&answer(&service, "DescribeTasks", &filter), code, words);
    }
}

fn pull(service: &InProcess) -> Vec<Value> {
    let pulled = answer(service, "PullEvents", &json!({ "SubAppId": SUB_APP }));
    pulled["EventSet"].as_array().unwrap_or_else(|| panic!("refused: {pulled}")).clone()
}

fn confirm(service: &InProcess, events: &[Value]) -> Value {
    let handles: Vec<&Value> = events.iter().map(|event| &event["EventHandle"]).collect();
    answer(service, "ConfirmEvents", &json!({ "SubAppId": SUB_APP, "EventHandles": handles }))
}

#[test]
fn an_event_comes_until_it_is_confirmed_in_time() {
    let service = behaving(Behaviour::default());
    let task_id = create_in(&service, json!({ "SessionId": "s", "SessionContext": "mine" }))["TaskId"].clone();
    create_in(&service, json!({ "SubAppId": 7 }));
    assert!(pull(&service).is_empty(), "nothing has ended");
    service.advance(4 * SECOND);

    let first = pull(&service);
    assert_eq!((first.len(), &first[0]["EventType"]), (1, &json!("AigcVideoTaskComplete")));
    let task = &first[0]["AigcVideoCompleteEvent"];
    assert_eq!((&task["TaskId"], &task["SessionId"], &task["Status"]), (&task_id, &json!("s"), &json!("FINISH")));
    assert_eq!(task["SessionContext"], "mine");
    assert!(task["Output"]["FileInfos"][0]["FileUrl"].is_string());

    service.advance(29 * SECOND);
    assert!(pull(&service).is_empty(), "it is hidden for 30 seconds");
    service.advance(SECOND);
    assert_refused(&confirm(&service, &first), "InvalidParameterValue", "4000");
    let second = pull(&service);
    assert_ne!(first[0]["EventHandle"], second[0]["EventHandle"]);
    assert_refused(&confirm(&service, &first), "InvalidParameterValue", "4000");
    service.advance(29 * SECOND);
    assert!(confirm(&service, &second).get("Error").is_none());
    service.advance(HOUR);
    assert!(pull(&service).is_empty());
    assert_refused(&confirm(&service, &[]), "InvalidParameterValue", "1 to 16");
}

#[test]
fn events_come_by_sixteen_and_are_kept_for_four_days() {
    let service = behaving(Behaviour::default());
    for _ in 0..20 {
        create_in(&service, json!({}));
    }
    service.advance(4 * SECOND);
    assert_eq!((pull(&service).len(), pull(&service).len(), pull(&service).len()), (16, 4, 0));
    service.advance(4 * DAY - SECOND);
    assert_eq!(pull(&service).len(), 16);
    service.advance(SECOND);
    assert!(pull(&service).is_empty());
}

#[test]
fn a_behaviour_is_read_from_json() {
    let read: Behaviour = serde_json::from_value(json!({
        "session_id_policy": "consumed_on_request", "window_hours": 168, "duplicate_code": "FailedOperation.TaskDuplicate",
        "list_lag_seconds": 60, "list_shows_aigc": false, "detail_lag_seconds": 0.5, "visible_hours": 24,
        "concurrency": { "limit": 1, "overflow": "finish" }, "creates_a_second": 20, "reads_a_second": 100,
        "quota_seconds": 600, "token_lag_seconds": 1, "reply_shape": "minimal", "smooth_progress": true,
    }))
    .unwrap();
    let expected = Behaviour {
        session_id_policy: SessionIdPolicy::ConsumedOnRequest,
        window_hours: 168,
        duplicate_code: DuplicateCode::TaskDuplicate,
        list_lag: 60 * SECOND,
        list_shows_aigc: false,
        detail_lag: SECOND / 2,
        visible_hours: 24,
        concurrency: Some(Concurrency { limit: 1, overflow: Overflow::Finish }),
        creates_a_second: Some(20),
        reads_a_second: Some(100),
        quota_seconds: Some(600),
        token_lag: SECOND,
        smooth_progress: true,
        reply_shape: vod_aigc_emulator::ReplyShape::Minimal,
    };
    assert_eq!(read, expected);
    assert_eq!(serde_json::from_str::<Behaviour>("{}").unwrap(), Behaviour::default());
}

#[test]
fn a_delayed_request_takes_effect_in_its_time_unless_its_signature_ran_out() {
    for (delay, accepted) in [(300, 1), (301, 0)] {
        let service = behaving(Behaviour::default());
        let fault = Fault::DelayedAcceptance { seconds: delay };
        service.inject(FaultRule::new(Target::CreateAigcVideoTask, When::Nth(1), fault));
        assert_eq!(
            exchange(&service, "CreateAigcVideoTask", &request(json!({ "SessionId": "s" }))),
            vod_aigc_emulator::Exchange::LostAfter
        );
        service.advance(Duration::from_secs(delay) - SECOND);
        assert!(service.ledger().is_empty() && list_in(&service, json!({})).0.is_empty());
        service.advance(100 * SECOND);
        assert_eq!(service.ledger().len(), accepted);
        assert_eq!(list_in(&service, json!({})).0.len(), accepted);
        if accepted == 1 {
            assert_eq!(service.ledger()[0].time, noon() + Duration::from_secs(delay), "not when it was asked about");
            assert_refused(&create_with(&service, "s"), "InvalidParameterValue.SessionId", "used");
        }
    }
}

#[test]
fn the_names_of_release_0_1_are_read() {
    let read = |value| serde_json::from_value::<Behaviour>(value).unwrap().session_id_policy;
    assert_eq!(read(json!({ "burn": "request" })), SessionIdPolicy::ConsumedOnRequest);
    assert_eq!(read(json!({ "burn": "accept" })), SessionIdPolicy::ConsumedOnAccept);
    for (old, new) in [("taken", "applied"), ("dropped", "discarded")] {
        let fault = |word: &str| serde_json::from_value::<Fault>(json!({ "reset": { "request": word } })).unwrap();
        assert_eq!(fault(old), fault(new));
    }
}
