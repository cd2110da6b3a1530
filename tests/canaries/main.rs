//! Canary secrets: a whole flow with every log at TRACE, and no secret in anything that is written or shown.
//!
//! A process of its own, because the logger is the process's. The last part prints the canaries on purpose: a search that
//! finds nothing there would find nothing anywhere.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::fmt::{Debug, Display};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tracing_subscriber::fmt::MakeWriter;
use vod_aigc_client::events::SignKey;
use vod_aigc_client::{Client, ClientBuilder, Job, JobFilter, JobStore, Outcome, SqliteStore};
use vod_aigc_core::{
    ApplyUploadRequest, CommitUploadRequest, CreateAigcApiTokenRequest, DeleteAigcApiTokenRequest,
    DescribeAigcApiTokensRequest, Image, Kling, ModifyEventConfigRequest, video,
};
use vod_aigc_emulator::{Emulator, Fault, FaultRule, Target, When};
use vod_aigc_signer::{Credential, Signer};
use vod_aigc_testing::SimulatedClock;
use vod_aigc_transport::testing::SeededRandom;
use vod_aigc_transport::{
    BoxFuture, Cached, Chain, CredentialError, Endpoint, Environment, Http, HttpClient, ProfileFile, ProvideCredential,
    RawReply, SendError, SendErrorKind, Sent, SignedRequest, StsRole, Transport, VariableNames,
};

const SECRET_ID: &str = "AKIDSHOWN";
const KEY: &str = "canaryKeyQ7x";
const WRONG_KEY: &str = "canaryWrongKeyZ3p";
const TOKEN: &str = "canaryTokenM9v";
/// The signature of a presigned URL: anyone who has it can read the file.
const PRESIGNED: &str = "canaryPresignedB5n";
/// How the temporary keys and tokens begin that the emulator gives for an upload.
const TEMPORARY: &str = "emulatorTemporary";
/// The key of callbacks.
const SIGN_KEY: &str = "canarySignKeyT2w";
const CANARIES: [&str; 5] = [KEY, WRONG_KEY, TOKEN, PRESIGNED, TEMPORARY];

const SUB_APP: u64 = 1_500_044_236;

/// Every spelling of a canary in `text`: as it is, in hexadecimal, and as a list of bytes.
fn found(canaries: &[&str], text: &[u8]) -> Vec<String> {
    let spellings = canaries.iter().flat_map(|canary| {
        let hexadecimal: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
        let listed: Vec<String> = canary.bytes().map(|byte| byte.to_string()).collect();
        [(*canary).to_owned(), hexadecimal, listed.join(", ")]
    });
    spellings.filter(|spelling| text.windows(spelling.len()).any(|part| part == spelling.as_bytes())).collect()
}

/// All that is logged through `log` and `tracing`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn install() -> Self {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        // This takes what is logged through `log`, too.
        tracing_subscriber::util::SubscriberInitExt::init(subscriber.with_writer(log.clone()).finish());
        log
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// All that was shown of values: their `Debug`, and their `Display` where they have one.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn debug(&mut self, value: &impl Debug) {
        self.0.push_str(&format!("{value:?}\n{value:#?}\n"));
    }

    fn both(&mut self, value: &(impl Debug + Display)) {
        self.debug(value);
        self.0.push_str(&format!("{value}\n"));
    }
}

/// Loses the reply to the first create.
#[derive(Debug)]
struct LosesOneReply {
    inner: HttpClient,
    lost: AtomicBool,
}

impl Http for LosesOneReply {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        let creates = request.headers().any(|(name, value)| name == "x-tc-action" && value == "CreateAigcVideoTask");
        Box::pin(async move {
            let reply = self.inner.send(request, timeout).await?;
            if creates && !self.lost.swap(true, Ordering::SeqCst) {
                return Err(SendError::new(SendErrorKind::Interrupted, Sent::Maybe, "the connection was reset"));
            }
            Ok(reply)
        })
    }
}

fn credential(key: &str) -> Credential {
    Credential::new(SECRET_ID, key).unwrap().with_token(TOKEN).unwrap()
}

fn client(emulator: &Emulator, key: &str) -> ClientBuilder {
    Client::builder(credential(key), SUB_APP)
        .endpoint(emulator.endpoint().parse::<Endpoint>().unwrap())
        .clock(Arc::new(SimulatedClock::new(emulator.clock().clone())))
        .random(Arc::new(SeededRandom::new(7)))
}

/// Every byte of every file below a folder.
fn files(folder: &Path) -> Vec<u8> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { fs::read(path).unwrap() }).collect()
}

/// Submits, waits and downloads; loses a reply; is refused. Shows everything that it gets hold of.
async fn flow(emulator: &Emulator, folder: &Path, shown: &mut Shown) {
    let store = Arc::new(SqliteStore::open(folder.join("jobs.sqlite3")).await.unwrap());
    let http = Arc::new(LosesOneReply { inner: HttpClient::new(), lost: AtomicBool::new(false) });
    let stack: Arc<dyn Http> = http.clone();
    let builder = client(emulator, KEY).store(store.clone()).transport(|transport| transport.http(stack));
    shown.debug(&builder);
    let client_of_all = builder.build();
    shown.debug(&client_of_all);

    let image = Image::url(format!("https://media.example.com/first.jpg?sign={PRESIGNED}"));
    let job =
        Job::new(video!(Kling::V2_1, prompt = "a panda", image = image)).key("job-1").output(folder.join("panda.mp4"));
    let task = client_of_all.submit(job).await.unwrap();
    assert!(http.lost.load(Ordering::SeqCst), "no reply was lost");
    assert_eq!(emulator.ledger().len(), 1, "the lost reply was billed twice");
    shown.debug(&task);
    shown.debug(&task.handle());
    shown.0.push_str(&serde_json::to_string(&task).unwrap());
    let video = task.wait().await.unwrap();
    shown.debug(&video);
    shown.debug(&video.download(folder.join("panda.mp4")).await.unwrap());
    let page = store.page(&JobFilter::all(), None, 100).await.unwrap();
    for record in page.jobs() {
        shown.debug(record);
        shown.both(&record.state);
    }

    let path = folder.join("first.png");
    fs::write(&path, b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0").unwrap();
    emulator.inject(FaultRule::new(Target::PutObject, When::Nth(2), Fault::Refused));
    shown.debug(&client_of_all.upload(&path).await.unwrap());
    shown.debug(&client_of_all.upload(&path).await.unwrap());
    emulator.inject(FaultRule::new(Target::PutObject, When::Every(1), Fault::Refused));
    shown.both(&client_of_all.upload(&path).await.unwrap_err());
    emulator.clear_faults();
    assert_eq!(emulator.uploads().len(), 3);
    shown.debug(&emulator.uploads());
    let mut apply = ApplyUploadRequest::new("png");
    apply.sub_app_id = Some(SUB_APP);
    let reply = client_of_all.call(apply).await.unwrap();
    shown.debug(&reply);
    let key = reply.value.temp_certificate.unwrap().secret_key.unwrap();
    assert!(key.expose().starts_with(TEMPORARY), "no temporary key travels, so that nothing was tried");

    let error = client(emulator, WRONG_KEY).build().submit(video!(Kling::V2_1, prompt = "a panda")).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected, "{error}");
    shown.both(&error);
    let error = client(emulator, WRONG_KEY).build().task("1").poll().await.unwrap_err();
    shown.both(&error);
    let nowhere = "http://127.0.0.1:1".parse::<Endpoint>().unwrap();
    let error =
        client(emulator, KEY).endpoint(nowhere).build().submit(video!(Kling::V2_1, prompt = "p")).await.unwrap_err();
    shown.both(&error);
    shown.debug(emulator);
    shown.debug(&emulator.ledger());
}

/// Gets and sends the secrets that the API itself has: an API token, the key of callbacks, the session of an upload. Gives
/// them.
async fn secrets(emulator: &Emulator, shown: &mut Shown) -> [String; 3] {
    let client = client(emulator, KEY).build();
    let reply = client.call(CreateAigcApiTokenRequest::new()).await.unwrap();
    shown.debug(&reply);
    let token = reply.value.api_token.unwrap();
    // A new token shows in the list a little later.
    emulator.advance(Duration::from_secs(60));
    let mut list = DescribeAigcApiTokensRequest::default();
    list.sub_app_id = Some(SUB_APP);
    let list = client.call(list).await.unwrap();
    assert_eq!(list.value.api_tokens.as_deref(), Some(&[token.clone()][..]));
    shown.debug(&list);
    let delete = DeleteAigcApiTokenRequest::new(token.clone());
    shown.debug(&delete);
    shown.debug(&client.call(delete.clone()).await.unwrap());
    shown.both(&client.call(delete).await.unwrap_err());

    let mut config = ModifyEventConfigRequest::default();
    config.sub_app_id = Some(SUB_APP);
    config.sign_key = Some(SIGN_KEY.into());
    shown.debug(&config);
    shown.debug(&client.call(config).await.unwrap());
    shown.debug(&SignKey::new(SIGN_KEY).unwrap());

    let mut apply = ApplyUploadRequest::new("png");
    apply.sub_app_id = Some(SUB_APP);
    let session = client.call(apply).await.unwrap().value.vod_session_key.unwrap();
    let commit = CommitUploadRequest::new(session.clone());
    shown.debug(&commit);
    shown.both(&client.call(commit).await.unwrap_err());
    [token.expose().to_owned(), SIGN_KEY.to_owned(), session.expose().to_owned()]
}

/// Everything that holds a credential or a request signed with one.
async fn parts(emulator: &Emulator, folder: &Path, shown: &mut Shown) {
    let credential = credential(KEY);
    let transport = Transport::builder(credential.clone()).endpoint(emulator.endpoint().parse().unwrap()).build();
    let call = transport.prepare(vod_aigc_core::DescribeTaskDetailRequest::new("1")).unwrap();
    let request = transport.sign(&call).await.unwrap();
    shown.debug(&transport);
    shown.debug(&call);
    shown.both(&request);
    shown.debug(&HttpClient::new());
    shown.debug(&Signer::new());

    let look_up = |name: &str| match name {
        "TENCENTCLOUD_SECRET_ID" => Some(SECRET_ID.to_owned()),
        "TENCENTCLOUD_SECRET_KEY" => Some(KEY.to_owned()),
        "TENCENTCLOUD_TOKEN" => Some(TOKEN.to_owned()),
        _ => None,
    };
    let environment = Environment::new(VariableNames::TENCENT_CLOUD, look_up);
    shown.debug(&environment);
    let now = emulator.clock().now();
    shown.debug(&environment.provide(now).await.unwrap());
    let half = Environment::new(VariableNames::TENCENT_CLOUD, |name| name.ends_with("KEY").then(|| KEY.to_owned()));
    shown.both(&half.provide(now).await.unwrap_err());

    // Files that cannot be used: cut off, of the wrong shape, readable by others.
    for (name, text) in [
        ("cut_off", format!(r#"{{"secretId":"{SECRET_ID}","secretKey":"{KEY}"#)),
        ("wrong_type", format!(r#"{{"secretId":"{SECRET_ID}","secretKey":["{KEY}"],"token":"{TOKEN}"}}"#)),
        ("blank", format!("[default]\nsecret_id = {SECRET_ID}\nsecret_key = {KEY} {TOKEN}\n")),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let error: CredentialError = ProfileFile::new(&path).provide(now).await.unwrap_err();
        shown.both(&error);
        fs::remove_file(&path).unwrap();
    }
    let chain = Chain::new().or(Cached::new(environment)).or(credential.clone());
    shown.debug(&chain.provide(now).await.unwrap());
    shown.debug(&chain);
    shown.debug(&StsRole::new(transport, "qcs::cam::uin/1:roleName/r", "session"));

    for bad in [format!("https://user:{KEY}@vod.example.com"), format!("https://vod.example.com/?{TOKEN}")] {
        shown.both(&bad.parse::<Endpoint>().unwrap_err());
    }
    for error in [Credential::new(SECRET_ID, format!("{KEY} ")), credential.clone().with_token(format!("{TOKEN}\n"))] {
        shown.both(&error.unwrap_err());
    }

    // Redaction the wrong way round would hide these and show the rest.
    let text = format!("{credential:?}");
    assert!(text.contains(SECRET_ID) && text.contains("has_token: true"), "{text}");
    let text = format!("{request:?}");
    assert!(text.contains("DescribeTaskDetail") && text.contains(request.url().as_str()), "{text}");
    assert_eq!(text.matches("<hidden>").count(), 2, "the token and the authorization: {text}");
    assert!(!text.contains("Signature="), "{text}");
    let sent: Vec<&str> = request.headers().map(|(_, value)| value).collect();
    assert!(sent.contains(&TOKEN), "the canary token does not travel, so that nothing was tried");
}

#[tokio::test]
async fn no_secret_is_logged_shown_or_written_down() {
    let log = Log::install();
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
    let clock = vod_aigc_emulator::Clock::manual(noon);
    let emulator = Emulator::builder().clock(clock).credential(credential(KEY)).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut shown = Shown::default();
    flow(&emulator, folder.path(), &mut shown).await;
    parts(&emulator, folder.path(), &mut shown).await;
    let secrets = secrets(&emulator, &mut shown).await;
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).chain(CANARIES).collect();

    let logged = log.bytes();
    let text = String::from_utf8_lossy(&logged);
    let port = emulator.endpoint().rsplit_once(':').unwrap().1;
    assert!(text.contains(port) && text.contains("TRACE"), "the HTTP stack logged nothing, so that nothing was tried");
    assert_eq!(found(&secrets, &logged), Vec::<String>::new(), "logged");
    assert_eq!(found(&secrets, shown.0.as_bytes()), Vec::<String>::new(), "shown");
    #[cfg(unix)]
    for name in ["jobs.sqlite3", "jobs.sqlite3-wal"] {
        let Ok(about) = fs::metadata(folder.path().join(name)) else { continue };
        let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions());
        assert_eq!(mode & 0o777, 0o600, "{name} can be read by others");
    }
    let written = files(folder.path());
    assert!(!found(&["job-1"], &written).is_empty(), "the store holds no job, so that nothing was tried");
    assert_eq!(found(&secrets, &written), Vec::<String>::new(), "written");

    // The search finds what is there: through both ways of logging, in every spelling, in a store.
    log::trace!("{KEY}");
    tracing::trace!(token = TOKEN, bytes = ?PRESIGNED.as_bytes(), "control");
    let bytes: Vec<String> = PRESIGNED.bytes().map(|byte| byte.to_string()).collect();
    assert_eq!(found(&CANARIES, &log.bytes()), [KEY.to_owned(), TOKEN.to_owned(), bytes.join(", ")]);
    let store = SqliteStore::open(folder.path().join("jobs.sqlite3")).await.unwrap();
    let mut record = store.load("job-1").await.unwrap().unwrap();
    record.request_id = Some(KEY.to_owned());
    store.save(&record, 0).await.unwrap();
    assert_eq!(found(&CANARIES, &files(folder.path())), [KEY]);
}
