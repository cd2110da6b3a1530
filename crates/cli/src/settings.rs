//! Where a command gets its client from: flags over variables over the file `.env`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use vod_aigc_client::transport::Endpoint;
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::{Client, ClientBuilder, JobStore, MemoryStore, Settings, SettingsError, SqliteStore};

use crate::failure::Failure;

/// Sets the keys of this command's jobs apart from those of programs that use the library.
pub(crate) const NAMESPACE: &str = "vod-aigc";

/// Which server, and on whose behalf.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Send requests to another server, for example a local emulator [env: VOD_AIGC_ENDPOINT]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    endpoint: Option<Endpoint>,
    /// The store of submitted jobs, an SQLite file; `:memory:` keeps none [env: VOD_AIGC_STORE, VOD_AIGC_JOURNAL] [default:
    /// where the platform keeps a program's state]
    #[arg(long, alias = "journal", global = true, value_name = "FILE", help_heading = "Connection")]
    store: Option<PathBuf>,
    /// The VOD sub-application [env: VITE_VOD_SUB_APP_ID, VOD_SUB_APP_ID]
    #[arg(long, global = true, value_name = "ID", help_heading = "Connection")]
    sub_app_id: Option<u64>,
}

impl Connection {
    /// The client that flags, variables and `.env` describe.
    pub(crate) fn client(&self) -> Result<ClientBuilder, Failure> {
        Ok(Client::from_settings(Settings::read(self.look_up()?)?).namespace(NAMESPACE))
    }

    /// The store of the jobs that this command submits.
    pub(crate) async fn store(&self) -> Result<Arc<dyn JobStore>, Failure> {
        let look_up = look_up()?;
        let variable = || look_up("VOD_AIGC_STORE").or_else(|| look_up("VOD_AIGC_JOURNAL")).map(PathBuf::from);
        let path = self.store.clone().or_else(variable).or_else(SqliteStore::default_path).ok_or_else(|| {
            Failure::usage("there is no place for the job store: set VOD_AIGC_STORE or give --store; nothing was sent")
        })?;
        if path.as_os_str() == ":memory:" {
            return Ok(Arc::new(MemoryStore::new()));
        }
        Ok(Arc::new(SqliteStore::open(path).await?))
    }

    /// The sub-application, where one is set.
    pub(crate) fn sub_app_id(&self) -> Result<Option<u64>, Failure> {
        Ok(Settings::sub_app_id(self.look_up()?)?)
    }

    /// The variables with the flags laid over them.
    fn look_up(&self) -> Result<impl Fn(&str) -> Option<String> + Clone + Send + Sync + use<>, Failure> {
        let variables = look_up()?;
        let endpoint = self.endpoint.as_ref().map(Endpoint::to_string);
        let sub_app_id = self.sub_app_id.map(|id| id.to_string());
        Ok(move |name: &str| {
            let flag = match name {
                "VOD_AIGC_ENDPOINT" => &endpoint,
                "VITE_VOD_SUB_APP_ID" | "VOD_SUB_APP_ID" => &sub_app_id,
                _ => &None,
            };
            flag.clone().or_else(|| variables(name))
        })
    }
}

/// What is to be logged, as the variables and `.env` say it.
pub(crate) fn log_variable() -> Result<Option<String>, Failure> {
    Ok(look_up()?("VOD_AIGC_LOG"))
}

/// The key pair that the variables and `.env` hold.
pub(crate) fn credential() -> Result<Credential, Failure> {
    Ok(credential_if_set()?.ok_or(SettingsError::NoCredential)?)
}

/// The same, or `None` where none is set. Half a pair is an error in either case.
pub(crate) fn credential_if_set() -> Result<Option<Credential>, Failure> {
    match Settings::credential(look_up()?) {
        Ok(credential) => Ok(Some(credential)),
        Err(SettingsError::NoCredential) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The environment over the file `.env` of the working directory.
#[expect(clippy::disallowed_methods, reason = "this is where the process's own environment comes in")]
fn look_up() -> Result<impl Fn(&str) -> Option<String> + Clone + Send + Sync + use<>, Failure> {
    Ok(layered(|name| std::env::var(name).ok(), read_file(Path::new(".env"))?))
}

/// Looks a variable up in the environment, then in the file. The key pair comes from one of the two as a whole, so that
/// halves of different pairs never meet.
fn layered(
    environment: impl Fn(&str) -> Option<String> + Clone + Send + Sync,
    file: HashMap<String, String>,
) -> impl Fn(&str) -> Option<String> + Clone + Send + Sync {
    let is_credential = |name: &str| name.contains("_SECRET_") || name.ends_with("_TOKEN");
    let given = |name: &str| environment(name).is_some_and(|value| !value.is_empty());
    let has_credential =
        ["VITE_VOD_SECRET_ID", "VITE_VOD_SECRET_KEY", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"]
            .into_iter()
            .any(given);
    move |name| {
        let from_file = || file.get(name).filter(|_| !(has_credential && is_credential(name))).cloned();
        environment(name).filter(|value| !value.is_empty()).or_else(from_file)
    }
}

/// A file that is not there holds nothing; one that cannot be read is an error, but its lines are not repeated, because
/// they hold secrets.
fn read_file(path: &Path) -> Result<HashMap<String, String>, Failure> {
    match dotenvy::from_path_iter(path) {
        Ok(lines) => lines.collect::<Result<_, _>>().map_err(|_| {
            Failure::usage(format!("{} has a line that is not NAME=value; nothing was sent", path.display()))
        }),
        Err(error) if error.not_found() => Ok(HashMap::new()),
        Err(_) => Err(Failure::usage(format!("{} is there and cannot be read; nothing was sent", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: &[(&str, &str)]) -> HashMap<String, String> {
        lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_environment_stands_above_the_file() {
        let look_up = layered(
            |name| (name == "VOD_SUB_APP_ID").then(|| "1".to_owned()),
            file(&[("VOD_SUB_APP_ID", "2"), ("TENCENTCLOUD_REGION", "r")]),
        );
        assert_eq!(look_up("VOD_SUB_APP_ID").as_deref(), Some("1"));
        assert_eq!(look_up("TENCENTCLOUD_REGION").as_deref(), Some("r"));
    }

    #[test]
    fn half_a_pair_in_the_environment_is_not_completed_from_the_file() {
        let look_up = layered(
            |name| (name == "TENCENTCLOUD_SECRET_ID").then(|| "id".to_owned()),
            file(&[
                ("TENCENTCLOUD_SECRET_KEY", "key"),
                ("TENCENTCLOUD_TOKEN", "token"),
                ("VITE_VOD_SECRET_ID", "other"),
            ]),
        );
        assert_eq!(look_up("TENCENTCLOUD_SECRET_KEY"), None);
        assert_eq!(look_up("TENCENTCLOUD_TOKEN"), None);
        assert_eq!(look_up("VITE_VOD_SECRET_ID"), None);
    }

    #[test]
    fn a_line_of_the_file_that_is_wrong_is_not_repeated() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        std::fs::write(&path, "TENCENTCLOUD_SECRET_KEY canary\n").expect("it can be written");
        let failure = format!("{:?}", read_file(&path).expect_err("the line has no ="));
        assert!(failure.contains("not NAME=value") && !failure.contains("canary"), "{failure}");
        assert!(read_file(&folder.path().join("missing")).expect("a missing file is empty").is_empty());
    }
}
