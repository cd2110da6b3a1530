//! What the emulator remembers beside tasks: things that requests name, quotas, tokens, usage, and where events go.

use std::time::Duration;

use serde_json::{Value, json};
use vod_aigc_emulator::{Clock, Emulator, Exchange, InProcess, Received};

use crate::actions::tasks;
use crate::support::{SUB_APP, answer, assert_refused, create_in, describe_in, noon};

const SECOND: Duration = Duration::from_secs(1);

fn service() -> InProcess {
    Emulator::builder().clock(Clock::manual(noon())).in_process()
}

/// Calls an action of the sub-application.
fn call(service: &InProcess, action: &str, mut body: Value) -> Value {
    body["SubAppId"] = SUB_APP.into();
    answer(service, action, &body)
}

#[track_caller]
fn done(response: Value) -> Value {
    assert!(response.get("Error").is_none(), "{response}");
    response
}

/// The task of this action, once it has ended.
fn made(service: &InProcess, action: &str, member: &str) -> Value {
    let (_, body) = tasks().into_iter().find(|(name, _)| *name == action).unwrap();
    let started = done(answer(service, action, &body));
    service.advance(5 * SECOND);
    describe_in(service, &started["TaskId"])[member]["Output"].clone()
}

#[test]
fn an_element_is_listed_named_and_deleted() {
    let service = service();
    let list = || call(&service, "DescribeAigcAdvancedCustomElements", json!({}));
    let output = made(&service, "CreateAigcAdvancedCustomElement", "CreateAigcAdvancedCustomElementTask");
    let id = output["InfoList"][0]["ElementId"].as_str().unwrap();
    let listed = list();
    assert_eq!(listed["TotalCount"], 1);
    let element = &listed["ElementSet"][0];
    assert_eq!((&element["Id"], &element["Name"]), (&json!(id), &json!("panda")));

    let naming = |id: &str| create_in(&service, json!({ "SubjectInfos": [{ "Id": id }] }));
    done(naming(id));
    assert_refused(&naming(&id.replace(&id[id.len() - 3..], "xyz")), "InvalidParameterValue", "emulator-element-");
}

#[test]
fn a_deleted_element_is_gone() {
    let service = service();
    let output = made(&service, "CreateAigcAdvancedCustomElement", "CreateAigcAdvancedCustomElementTask");
    let id = output["InfoList"][0]["ElementId"].clone();
    let delete = |id: &Value| call(&service, "DeleteAigcAdvancedCustomElement", json!({ "ElementId": id }));
    assert_refused(
        &answer(&service, "DeleteAigcAdvancedCustomElement", &json!({ "SubAppId": 7, "ElementId": id })),
        "ResourceNotFound",
        "list those",
    );
    done(delete(&id));
    assert_eq!(call(&service, "DescribeAigcAdvancedCustomElements", json!({}))["TotalCount"], 0);
    assert_refused(&delete(&id), "ResourceNotFound", "list those");
    assert_refused(&create_in(&service, json!({ "SubjectInfos": [{ "Id": id }] })), "InvalidParameterValue", "deleted");
}

#[test]
fn what_is_not_made_yet_cannot_be_named() {
    let service = service();
    let (_, body) = tasks().into_iter().find(|(name, _)| *name == "CreateAigcCustomVoice").unwrap();
    let started = done(answer(&service, "CreateAigcCustomVoice", &body));
    service.advance(5 * SECOND);
    let output = describe_in(&service, &started["TaskId"])["CreateAigcCustomVoiceTask"]["Output"].clone();
    let voice = output["InfoList"][0]["VoiceId"].as_str().unwrap().to_owned();

    // The same seed gives the same ids: in another emulator the voice is under way still.
    let other = self::service();
    done(answer(&other, "CreateAigcCustomVoice", &body));
    let naming = json!({ "SubjectInfos": [{ "Name": "Kofi", "VoiceId": voice }] });
    assert_refused(&create_in(&other, naming.clone()), "InvalidParameterValue", &voice);
    other.advance(5 * SECOND);
    done(create_in(&other, naming));
}

#[test]
fn every_page_of_elements_is_told_by_its_offset() {
    let service = service();
    for _ in 0..5 {
        made(&service, "CreateAigcAdvancedCustomElement", "CreateAigcAdvancedCustomElementTask");
    }
    let page = |offset: u64, limit: u64| {
        let page = call(&service, "DescribeAigcAdvancedCustomElements", json!({ "Offset": offset, "Limit": limit }));
        (page["ElementSet"].as_array().map(Vec::len), page["TotalCount"].as_u64())
    };
    assert_eq!((page(0, 2), page(4, 2), page(6, 2)), ((Some(2), Some(5)), (Some(1), Some(5)), (Some(0), Some(5))));
    let odd = call(&service, "DescribeAigcAdvancedCustomElements", json!({ "Offset": 3, "Limit": 2 }));
    assert_refused(&odd, "InvalidParameterValue", "multiple");
    let far = call(&service, "DescribeAigcAdvancedCustomElements", json!({ "Limit": 301 }));
    assert_refused(&far, "InvalidParameterValue", "1 to 300");
}

#[test]
fn lip_sync_names_a_look_at_faces_that_there_was() {
    let service = service();
    let file = json!([{ "Type": "Url", "Url": "https://host/a.mp4" }]);
    let look = done(call(&service, "DescribeAigcFaceInfo", json!({ "FileInfos": file })));
    let later = made(&service, "DescribeAigcFaceInfoAsync", "DescribeAigcFaceInfoAsyncTask");
    let speaking = |session: &str| {
        let inner = json!({ "session_id": session, "face_choose": [{ "face_id": "0" }] }).to_string();
        let ext_info = json!({ "AdditionalParameters": inner }).to_string();
        create_in(&service, json!({ "ExtInfo": ext_info }))
    };
    for set in [&look["FaceInfoSet"], &later["FaceInfoSet"]] {
        let face = &set[0]["FaceInfoList"][0];
        let path = face["FaceImage"].as_str().unwrap().strip_prefix(service.endpoint()).unwrap();
        let request = Received { method: "GET", path, query: "", headers: &[], body: b"" };
        let Exchange::Reply(picture) = service.exchange(&request) else { panic!("no whole reply") };
        assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")));
        let session = set[0]["SessionId"].as_str().unwrap();
        done(speaking(session));
        assert_refused(
            &speaking(&format!("{}{}", &session[..session.len() - 4], "0000")),
            "InvalidParameterValue",
            "emulator-face-",
        );
    }
    done(speaking("of the real service"));
    let bill = service.bill();
    assert_eq!((bill.by_action["DescribeAigcFaceInfo"], bill.by_action["DescribeAigcFaceInfoAsync"]), (1, 1));
}

#[test]
fn an_element_made_at_once_is_billed_and_named() {
    let service = service();
    let body = json!({
        "ElementName": "panda",
        "ElementDescription": "a red panda",
        "ElementFrontalImage": "https://host/front.png",
        "ElementReferList": [{ "ImageUrl": "https://host/left.png" }],
    });
    let id = done(answer(&service, "CreateAigcCustomElement", &body))["ElementId"].clone();
    done(create_in(&service, json!({ "SubjectInfos": [{ "Id": id }] })));
    let entries = service.ledger();
    assert_eq!(
        (entries[0].action, json!(entries[0].task_id), entries[0].billed),
        ("CreateAigcCustomElement", id, true)
    );
    let mut none = body.clone();
    none["ElementReferList"] = json!([]);
    assert_refused(&answer(&service, "CreateAigcCustomElement", &none), "InvalidParameterValue", "ElementReferList");
}

#[test]
fn a_quota_counts_from_when_it_is_set() {
    let service = service();
    let of = |seconds: u64| create_in(&service, json!({ "OutputConfig": { "Duration": seconds } }));
    let quota = |action: &str, limit: u64| call(&service, action, json!({ "QuotaType": "Video", "QuotaLimit": limit }));
    let usage =
        || call(&service, "DescribeAigcQuotas", json!({ "QuotaType": "Video" }))["QuotaSet"][0]["Usage"].clone();
    done(of(10));
    service.advance(SECOND);
    assert_refused(&quota("ModifyAigcQuota", 12), "ResourceNotFound", "create it");
    done(quota("CreateAigcQuota", 12));
    assert_refused(&quota("CreateAigcQuota", 12), "InvalidParameterValue", "modify it");
    assert_eq!(usage(), 0);
    done(of(10));
    assert_refused(&of(5), "LimitExceeded.Quota", "12 seconds of video");
    assert_eq!(usage(), 10);
    done(quota("ModifyAigcQuota", 15));
    done(of(5));
    assert_refused(&of(3), "LimitExceeded.Quota", "15 seconds of video");
    // Another sub-application is free.
    done(create_in(&service, json!({ "SubAppId": 7 })));

    done(call(&service, "DeleteAigcQuota", json!({ "QuotaType": "Video" })));
    done(of(10));
    service.advance(SECOND);
    done(quota("CreateAigcQuota", 5));
    assert_eq!(usage(), 0);
    done(of(5));
}

#[test]
fn a_quota_on_images_counts_pictures() {
    let service = service();
    done(call(&service, "CreateAigcQuota", json!({ "QuotaType": "Image", "QuotaLimit": 3 })));
    let (_, two) = tasks().into_iter().find(|(name, _)| *name == "CreateAigcImageTask").unwrap();
    done(answer(&service, "CreateAigcImageTask", &two));
    assert_refused(&answer(&service, "CreateAigcImageTask", &two), "LimitExceeded.Quota", "3 images");
    done(create_in(&service, json!({})));
}

#[test]
fn a_token_shows_and_goes_half_a_minute_late() {
    let service = service();
    let tokens = || call(&service, "DescribeAigcApiTokens", json!({}))["ApiTokens"].as_array().unwrap().len();
    let token = done(call(&service, "CreateAigcApiToken", json!({})))["ApiToken"].clone();
    let delete = || call(&service, "DeleteAigcApiToken", json!({ "ApiToken": token }));
    assert_eq!(tokens(), 0);
    service.advance(29 * SECOND);
    assert_eq!(tokens(), 0);
    assert_refused(&delete(), "ResourceNotFound", "30 seconds");
    service.advance(SECOND);
    assert_eq!(tokens(), 1);

    let quota = json!({ "QuotaType": "Text", "QuotaLimit": 1000, "ApiToken": token });
    done(call(&service, "CreateAigcQuota", quota.clone()));
    let note = |text: &str, how: &str| {
        done(call(&service, "UpdateAigcApiToken", json!({ "ApiToken": token, "ExtInfo": text, "ActionType": how })));
        let notes = call(&service, "DescribeAigcApiTokens", json!({}))["ExtInfos"][0].clone();
        serde_json::from_str::<Value>(notes.as_str().unwrap()).unwrap()
    };
    assert_eq!(note(r#"{"a":1,"b":{"c":2}}"#, "Merge"), json!({ "a": 1, "b": { "c": 2 } }));
    assert_eq!(note(r#"{"b":3}"#, "Merge"), json!({ "a": 1, "b": 3 }));
    assert_eq!(note(r#"{"d":4}"#, "Overwrite"), json!({ "d": 4 }));
    let broken = json!({ "ApiToken": token, "ExtInfo": "[1]" });
    assert_refused(&call(&service, "UpdateAigcApiToken", broken), "InvalidParameterValue", "ExtInfo");

    done(delete());
    assert_eq!(tokens(), 1);
    assert_refused(&delete(), "ResourceNotFound", "ApiToken");
    assert_eq!(call(&service, "DescribeAigcQuotas", json!({ "QuotaType": "Text" }))["TotalCount"], 0);
    assert_refused(&call(&service, "CreateAigcQuota", quota), "ResourceNotFound", "ApiToken");
    service.advance(30 * SECOND);
    assert_eq!(tokens(), 0);
}

#[test]
fn usage_is_told_by_specification_and_step() {
    let service = service();
    create_in(&service, json!({ "OutputConfig": { "Duration": 10 } }));
    service.advance(60 * SECOND);
    create_in(&service, json!({}));
    create_in(&service, json!({ "OutputConfig": { "Resolution": "1080P" } }));
    // Past midnight in Beijing, where it was eight in the evening.
    service.advance(5 * 60 * 60 * SECOND);
    create_in(&service, json!({}));

    let usage = |start: &str, end: &str| {
        call(&service, "DescribeAigcUsageData", json!({ "StartTime": start, "EndTime": end, "AigcType": "Video" }))
    };
    let day = usage("2026-11-23T00:00:00Z", "2026-11-23T12:30:00Z");
    assert_eq!(
        day["AigcUsageDataSet"],
        json!([
            { "Specification": "Kling2.1_1080P", "DataSet": [{ "Time": "2026-11-23T12:00:00Z", "Count": 1, "Usage": 5 }] },
            { "Specification": "Kling2.1_720P", "DataSet": [{ "Time": "2026-11-23T12:00:00Z", "Count": 2, "Usage": 15 }] },
        ])
    );
    let days = usage("2026-11-20T00:00:00+08:00", "2026-11-30T00:00:00+08:00");
    assert_eq!(
        days["AigcUsageDataSet"][1]["DataSet"],
        json!([
            { "Time": "2026-11-23T00:00:00+08:00", "Count": 2, "Usage": 15 },
            { "Time": "2026-11-24T00:00:00+08:00", "Count": 1, "Usage": 5 },
        ])
    );
    for (start, end, words) in [
        ("2026-11-24T00:00:00Z", "2026-11-23T00:00:00Z", "before StartTime"),
        ("2026-08-01T00:00:00Z", "2026-11-23T00:00:00Z", "90 days"),
        ("2025-11-01T00:00:00Z", "2025-11-02T00:00:00Z", "365 days"),
        ("yesterday", "2026-11-23T00:00:00Z", "StartTime"),
    ] {
        assert_refused(&usage(start, end), "InvalidParameterValue", words);
    }
}

#[test]
fn events_go_where_the_configuration_of_the_moment_says() {
    let service = service();
    let queued = || call(&service, "PullEvents", json!({}))["EventSet"].as_array().unwrap().len();
    let config = || {
        let mut config = done(call(&service, "DescribeEventConfig", json!({})));
        config.as_object_mut().unwrap().remove("RequestId");
        config
    };
    let configure = |change: Value| done(call(&service, "ModifyEventConfig", change));
    assert_eq!(
        config(),
        json!({
            "Mode": "PULL",
            "NotificationUrl": "",
            "UploadMediaCompleteEventSwitch": "OFF",
            "DeleteMediaCompleteEventSwitch": "OFF",
            "PersistenceCompleteEventSwitch": "OFF",
        })
    );
    create_in(&service, json!({}));
    service.advance(5 * SECOND);
    configure(
        json!({ "Mode": "PUSH", "NotificationUrl": "https://host/event", "UploadMediaCompleteEventSwitch": "ON" }),
    );
    create_in(&service, json!({}));
    service.advance(5 * SECOND);
    assert_eq!(queued(), 1, "the first ended while events went into the queue");
    configure(json!({ "Mode": "PULL", "NotificationUrl": "" }));
    create_in(&service, json!({}));
    service.advance(31 * SECOND);
    assert_eq!(queued(), 2, "the second went elsewhere for good");
    let now = config();
    assert_eq!((&now["NotificationUrl"], &now["UploadMediaCompleteEventSwitch"]), (&json!(""), &json!("ON")));
    let wrong = call(&service, "ModifyEventConfig", json!({ "NotificationUrl": "mailto:a" }));
    assert_refused(&wrong, "InvalidParameterValue", "NotificationUrl");
    let wrong = call(&service, "ModifyEventConfig", json!({ "SignKey": "a b" }));
    assert_refused(&wrong, "InvalidParameterValue", "SignKey");
}
