//! Where credentials come from, and that halves of different pairs never meet.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use vod_aigc_transport::signer::Credential;
use vod_aigc_transport::{
    BoxFuture, Cached, Chain, CredentialError, CvmRole, Environment, ProfileFile, ProvideCredential, Provided, StsRole,
    VariableNames,
};

use crate::server::{NOW, Server, answer, api_error, ok};

const ID: &str = "TENCENTCLOUD_SECRET_ID";
const KEY: &str = "TENCENTCLOUD_SECRET_KEY";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment::new(VariableNames::TENCENT_CLOUD, move |name| variables.get(name).cloned())
}

/// A file of this test alone, readable by its owner only.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    fs::write(&path, text).unwrap();
    set_mode(&path, 0o600);
    path
}

#[cfg(unix)]
fn set_mode(path: &PathBuf, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_path: &PathBuf, _mode: u32) {}

async fn id_of(source: &dyn ProvideCredential) -> Result<String, CredentialError> {
    source.provide(at(NOW)).await.map(|provided| provided.credential.secret_id().to_owned())
}

#[test]
fn the_environment_has_a_pair_and_perhaps_a_token() {
    let permanent = environment(&[(ID, "AKID1"), (KEY, "key")]).read().unwrap();
    assert_eq!((permanent.secret_id(), permanent.token()), ("AKID1", None));
    for name in ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN"] {
        let temporary = environment(&[(ID, "AKID1"), (KEY, "key"), (name, "token")]).read().unwrap();
        assert_eq!(temporary.token(), Some("token"), "{name}");
    }
}

#[test]
fn half_a_pair_in_the_environment_names_the_missing_half() {
    for (present, missing) in [(ID, KEY), (KEY, ID)] {
        for variables in [vec![(present, "canary")], vec![(present, "canary"), (missing, "")]] {
            let error = environment(&variables).read().expect_err("one half is missing");
            let text = error.to_string();
            assert!(text.contains(&format!("has {present} but not {missing}")), "{text}");
            assert!(!format!("{text} {error:?}").contains("canary"), "{error:?}");
        }
    }
}

#[test]
fn an_empty_environment_has_nothing() {
    for variables in [&[][..], &[(ID, ""), (KEY, "")]] {
        let error = environment(variables).read().expect_err("there is no pair");
        assert!(matches!(error, CredentialError::Absent { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_ini_file_is_read_by_its_profile() {
    let text = "# keys\n[default]\nsecret_id = AKID1\nsecret_key = k1\n\n[other]\nsecret_id=\"AKID2\"\nsecret_key=\"k2\"\ntoken = t2\n";
    let path = file("ini", text);
    assert_eq!(id_of(&ProfileFile::new(&path)).await.unwrap(), "AKID1");
    let other = ProfileFile::new(&path).profile("other").provide(at(NOW)).await.unwrap();
    assert_eq!((other.credential.secret_id(), other.credential.token()), ("AKID2", Some("t2")));
    let none = id_of(&ProfileFile::new(&path).profile("none")).await;
    assert!(matches!(none, Err(CredentialError::Absent { .. })), "{none:?}");
}

#[tokio::test]
async fn a_json_file_of_the_command_line_tool_is_read() {
    let path =
        file("json", r#"{"secretId":"AKID1","secretKey":"k","token":"t","expiresAt":1764075600,"type":"oauth"}"#);
    let provided = ProfileFile::new(path).provide(at(NOW)).await.unwrap();
    assert_eq!((provided.credential.secret_id(), provided.credential.token()), ("AKID1", Some("t")));
    assert_eq!(provided.expires, Some(at(1_764_075_600)));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_without_its_content() {
    for (name, text) in [
        ("broken", "{\"secretKey\": canary}"),
        ("half", "[default]\nsecret_key = canary\n"),
        ("blank", "[default]\nsecret_id = a\nsecret_key = canary canary\n"),
    ] {
        let error = id_of(&ProfileFile::new(file(name, text))).await.expect_err("the file is wrong");
        assert!(error.to_string().contains(name), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_may_read_is_refused() {
    let path = file("exposed", "[default]\nsecret_id = AKID1\nsecret_key = k\n");
    for mode in [0o640, 0o604, 0o620] {
        set_mode(&path, mode);
        let error = id_of(&ProfileFile::new(&path)).await.expect_err("others may read it");
        assert!(matches!(error, CredentialError::Exposed { .. }), "{error:?}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[tokio::test]
async fn a_chain_takes_the_first_complete_source() {
    let absent = || ProfileFile::new("no-such-folder/no-such-file");
    let chain = Chain::new()
        .or(environment(&[]))
        .or(absent())
        .or(environment(&[(ID, "AKID2"), (KEY, "k2")]))
        .or(environment(&[(ID, "AKID3"), (KEY, "k3")]));
    assert_eq!(id_of(&chain).await.unwrap(), "AKID2");

    let nothing = id_of(&Chain::new().or(environment(&[])).or(absent())).await.expect_err("no source has keys");
    let text = nothing.to_string();
    assert!(text.contains(ID) && text.contains("no-such-file"), "{text}");
}

#[tokio::test]
async fn half_a_pair_stops_a_chain_instead_of_mixing() {
    let chain = Chain::new().or(environment(&[(ID, "AKID1")])).or(environment(&[(ID, "AKID2"), (KEY, "k2")]));
    let error = id_of(&chain).await.expect_err("the first source has half a pair");
    assert!(matches!(error, CredentialError::Half { .. }), "{error:?}");
}

#[tokio::test]
async fn the_role_of_a_machine_is_read_from_its_metadata_service() {
    let document = r#"{"TmpSecretId":"AKID1","TmpSecretKey":"k","ExpiredTime":1764075600,"Expiration":"2025-11-25T13:00:00Z","Token":"t","Code":"Success"}"#;
    let server = Server::start(vec![answer(200, "text/plain", "my-role"), answer(200, "text/plain", document)]).await;
    let provided = CvmRole::new().base_url(server.url()).provide(at(NOW)).await.unwrap();
    assert_eq!((provided.credential.secret_id(), provided.credential.token()), ("AKID1", Some("t")));
    assert_eq!(provided.expires, Some(at(1_764_075_600)));
    let asked: Vec<String> = server.requests().iter().map(|request| request.request_line().1.to_owned()).collect();
    let path = "/latest/meta-data/cam/security-credentials/";
    assert_eq!(asked, [path.to_owned(), format!("{path}my-role")]);
}

#[tokio::test]
async fn a_machine_without_a_role_has_nothing() {
    for step in [answer(404, "text/html", "<html>"), answer(200, "text/plain", "")] {
        let server = Server::start(vec![step]).await;
        let error = id_of(&CvmRole::new().base_url(server.url())).await.expect_err("there is no role");
        assert!(matches!(error, CredentialError::Absent { .. }), "{error:?}");
    }
    let (url, _socket) = crate::server::closed_url();
    let nobody = CvmRole::new().base_url(url);
    assert!(matches!(id_of(&nobody).await, Err(CredentialError::Absent { .. })));
}

#[tokio::test]
async fn a_role_is_asked_for_with_other_keys() {
    let keys = r#"{"Credentials":{"Token":"t","TmpSecretId":"AKID9","TmpSecretKey":"k"},"ExpiredTime":1764079200,"RequestId":"r"}"#;
    let server = Server::start(vec![ok(keys)]).await;
    let role = StsRole::new(server.transport().build(), "qcs::cam::uin/1:roleName/r", "session");
    let provided = role.provide(at(NOW)).await.unwrap();
    assert_eq!((provided.credential.secret_id(), provided.credential.token()), ("AKID9", Some("t")));
    assert_eq!(provided.expires, Some(at(1_764_079_200)));
    let request = &server.requests()[0];
    assert_eq!(request.header("x-tc-action"), Some("AssumeRole"));
    assert!(request.header("authorization").unwrap().contains("AKIDEXAMPLE/2025-11-25/sts/tc3_request"));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["RoleArn"], "qcs::cam::uin/1:roleName/r");
    assert_eq!(body["DurationSeconds"], 7_200);
}

#[tokio::test]
async fn a_role_that_is_refused_says_why() {
    let server = Server::start(vec![api_error("UnauthorizedOperation")]).await;
    let error = id_of(&StsRole::new(server.transport().build(), "arn", "session")).await.expect_err("refused");
    assert!(error.to_string().contains("UnauthorizedOperation"), "{error}");
}

/// Counts how often it is asked and provides what the test put there.
#[derive(Debug)]
struct Counting {
    asked: Arc<AtomicUsize>,
    next: Next,
}

type Next = Arc<Mutex<Result<Provided, CredentialError>>>;

impl ProvideCredential for Counting {
    fn provide(&self, _now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            // Lets every other task of the test come in meanwhile.
            tokio::task::yield_now().await;
            self.next.lock().unwrap().clone()
        })
    }
}

fn keys(id: &str, expires: Option<u64>) -> Result<Provided, CredentialError> {
    Ok(Provided { credential: Credential::new(id, "k").unwrap(), expires: expires.map(at) })
}

fn counting(first: Result<Provided, CredentialError>) -> (Cached<Counting>, Arc<AtomicUsize>, Next) {
    let (asked, next) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(first)));
    (Cached::new(Counting { asked: asked.clone(), next: next.clone() }), asked, next)
}

#[tokio::test]
async fn temporary_keys_are_renewed_five_minutes_before_they_end() {
    let (cached, asked, next) = counting(keys("AKID1", Some(NOW + 3_600)));
    let id = async |now| cached.provide(at(now)).await.unwrap().credential.secret_id().to_owned();
    assert_eq!(id(NOW).await, "AKID1");
    *next.lock().unwrap() = keys("AKID2", Some(NOW + 7_200));
    assert_eq!(id(NOW + 3_299).await, "AKID1");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(id(NOW + 3_300).await, "AKID2");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn permanent_keys_are_asked_for_once() {
    let (cached, asked, _) = counting(keys("AKID1", None));
    for now in [NOW, NOW + 1_000_000] {
        cached.provide(at(now)).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn many_calls_at_once_ask_once() {
    let (cached, asked, _) = counting(keys("AKID1", Some(NOW + 3_600)));
    let cached = Arc::new(cached);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let cached = cached.clone();
            tokio::spawn(async move { cached.provide(at(NOW)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keys_that_still_hold_survive_a_failed_renewal_and_no_longer() {
    let absent = || CredentialError::Absent { looked: "the test".to_owned() };
    let (cached, asked, next) = counting(keys("AKID1", Some(NOW + 600)));
    cached.provide(at(NOW)).await.unwrap();
    *next.lock().unwrap() = Err(absent());
    for now in [NOW + 300, NOW + 301, NOW + 329] {
        cached.provide(at(now)).await.expect("the keys hold until NOW + 600");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2, "a failed renewal is not repeated at once");
    assert_eq!(cached.provide(at(NOW + 600)).await.expect_err("the keys have ended"), absent());
}
