//! What a job is known by: its SessionId.

use proptest::prelude::*;
use vod_aigc_client::{Job, PreparedJob};
use vod_aigc_core::{CreateAigcVideoTaskRequest, Kling, VideoRequest, video};
use vod_aigc_transport::testing::SeededRandom;

use super::cases;
use super::records::record;

fn request(prompt: &str) -> VideoRequest {
    video!(Kling::V2_1, prompt = prompt)
}

fn prepared(sub_app_id: u64, namespace: &str, key: Option<&str>, prompt: &str, seed: u64) -> PreparedJob {
    let job = Job::new(request(prompt));
    let job = match key {
        // An empty key is refused.
        Some(key) => job.key(format!("k{key}")),
        None => job,
    };
    job.prepare(sub_app_id, namespace, &SeededRandom::new(seed)).expect("the prompt is neither empty nor too long")
}

fn session_id(sub_app_id: u64, namespace: &str, key: &str, prompt: &str, seed: u64) -> String {
    prepared(sub_app_id, namespace, Some(key), prompt, seed).session_id().expect("it takes one")
}

fn prompt() -> impl Strategy<Value = String> {
    "[a-z熊猫]{1,20}"
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_session_id_fits_the_service(sub_app: u64, namespace: String, key: Option<String>, prompt in prompt(), seed: u64) {
        let id = prepared(sub_app, &namespace, key.as_deref(), &prompt, seed).session_id().unwrap();
        prop_assert!(id.len() <= 50, "{id}");
        prop_assert!(id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{id}");
    }

    #[test]
    fn the_same_job_has_the_same_session_id_on_every_host(sub_app: u64, namespace: String, key: String, prompt in prompt(), seeds: [u64; 2]) {
        let [one, other] = seeds.map(|seed| session_id(sub_app, &namespace, &key, &prompt, seed));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn another_key_makes_another_session_id(keys: [String; 2], prompt in prompt()) {
        prop_assume!(keys[0] != keys[1]);
        prop_assert_ne!(session_id(1, "", &keys[0], &prompt, 7), session_id(1, "", &keys[1], &prompt, 7));
    }

    #[test]
    fn another_request_makes_another_session_id(key: String, prompts in [prompt(), prompt()]) {
        prop_assume!(prompts[0] != prompts[1]);
        prop_assert_ne!(session_id(1, "", &key, &prompts[0], 7), session_id(1, "", &key, &prompts[1], 7));
    }

    #[test]
    fn another_sub_application_makes_another_session_id(key: String, sub_apps: [u64; 2]) {
        prop_assume!(sub_apps[0] != sub_apps[1]);
        prop_assert_ne!(session_id(sub_apps[0], "", &key, "panda", 7), session_id(sub_apps[1], "", &key, "panda", 7));
    }

    #[test]
    fn a_namespace_does_not_run_into_the_key(text in "[a-c\",\\[\\]]{2,8}", cuts: [prop::sample::Index; 2]) {
        let [one, other] = cuts.map(|cut| cut.index(text.len() + 1));
        prop_assume!(one != other);
        let id = |cut: usize| session_id(1, &text[..cut], &text[cut..], "panda", 7);
        prop_assert_ne!(id(one), id(other));
    }

    #[test]
    fn a_job_without_a_key_is_one_of_its_own(seeds: [u64; 2]) {
        prop_assume!(seeds[0] != seeds[1]);
        let [one, other] = seeds.map(|seed| prepared(1, "", None, "panda", seed).session_id());
        prop_assert_ne!(one, other);
    }

    #[test]
    fn the_callers_own_session_id_goes_out_as_it_is(id in "[a-zA-Z0-9_-]{1,50}", key: Option<String>) {
        let request = VideoRequest::builder(Kling::V2_1).prompt("panda").session_id(&id).build().expect("within the limits");
        let job = Job::new(request);
        let job = match key {
            Some(key) => job.key(format!("k{key}")),
            None => job,
        };
        let job = job.prepare(1, "", &SeededRandom::new(7)).expect("the request is right");
        prop_assert_eq!(job.session_id(), Some(id.clone()));
        let sent: CreateAigcVideoTaskRequest = serde_json::from_str(&job.body()).unwrap();
        prop_assert_eq!(sent.session_id, Some(id));
    }

    #[test]
    fn a_job_owns_every_attempt_of_its_own_and_no_other_task(digits in "[0-9a-f]{32}", other in "[0-9a-f]{32}", attempts in [0_u8..100, 0..100], cut in 0_usize..36) {
        prop_assume!(digits != other);
        let mut record = record("key");
        let session = format!("va2-{digits}");
        record.session = Some(session.clone());
        record.attempt = attempts[0];
        let id = record.session_id().unwrap();
        prop_assert!(id.len() <= 50);
        prop_assert!(record.owns(&id));
        let of = |digits: &str, attempt: u8| format!("va2-{digits}-{attempt:02}");
        prop_assert!(record.owns(&of(&digits, attempts[1])));
        prop_assert!(!record.owns(&of(&other, attempts[1])));
        prop_assert!(!record.owns(&session[..cut]));
        let longer = format!("{session}0-00");
        prop_assert!(!record.owns(&longer));
    }

    #[test]
    fn a_job_with_the_callers_session_id_owns_that_one_only(id in "[a-zA-Z0-9_]{1,50}", suffix in "-[0-9]{2}") {
        let mut record = record("key");
        record.session = Some(id.clone());
        prop_assert_eq!(record.session_id(), Some(id.clone()));
        prop_assert!(record.owns(&id));
        let longer = format!("{id}{suffix}");
        prop_assert!(!record.owns(&longer));
    }
}
