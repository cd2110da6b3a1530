//! The `vod-aigc` command: reads the arguments, runs one subcommand, and turns how it ended into an exit code.

mod call;
mod check;
mod emulate;
mod exit_codes;
mod failure;
mod generate;
mod jobs;
mod log;
mod models;
mod narrow;
mod on_off;
mod parameters;
mod progress;
mod schema;
mod settings;
mod sign;
mod task;
mod text;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::pin::{Pin, pin};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{CommandFactory as _, Parser, Subcommand};
use vod_aigc_client::core::ACTIONS;

use crate::failure::Failure;
use crate::log::Verbosity;
use crate::settings::Connection;

/// AI video through Tencent Cloud VOD: submit, wait, download.
///
/// Credentials come from VITE_VOD_SECRET_ID and VITE_VOD_SECRET_KEY, or from TENCENTCLOUD_SECRET_ID,
/// TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN; the sub-application from VITE_VOD_SUB_APP_ID or VOD_SUB_APP_ID. A file
/// .env in the working directory is read too; the environment takes precedence. A secret is never an argument.
#[derive(Parser)]
#[command(name = "vod-aigc", version, max_term_width = 120, after_long_help = exit_codes::HELP)]
struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    verbosity: Verbosity,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a video and download it
    Generate(Box<generate::Generate>),
    /// Ask for, wait for or download the video of a task that was submitted before
    #[command(subcommand)]
    Task(task::Task),
    /// Finish every job that a crash, an interruption or an outage has left behind
    Resume(jobs::Resume),
    /// List the models and what each can do
    Models,
    /// Check the JSON body of a request and name each rule that it breaks
    Check(check::Check),
    /// Call any action with a JSON body and print its reply
    Call(call::Call),
    /// Print the JSON Schema of an action, or of `generate` as a tool of a language model
    Schema(schema::Schema),
    /// Sign a request with TC3-HMAC-SHA256 and show every stage
    Sign(sign::Sign),
    /// Run a local VOD that needs no account and costs nothing
    Emulate(emulate::Emulate),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { connection, verbosity, json, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // The exit code for wrong usage is 2, and 0 for --help and --version; writing can only fail for want of a reader.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    let ran = match settings::log_variable().and_then(|variable| verbosity.apply(variable)) {
        Ok(()) => run(connection, json, command).await,
        Err(failure) => Err(failure),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

/// Ends when a person interrupts the command. One for the whole command: from the first time that it is awaited on, an
/// interruption between two steps is kept for the next.
type Interruption<'a> = Pin<&'a mut dyn Future<Output = std::io::Result<()>>>;

async fn run(connection: Connection, json: bool, command: Command) -> Result<(), Failure> {
    let interruption: Interruption<'_> = pin!(tokio::signal::ctrl_c());
    match command {
        Command::Generate(generate) => generate.run(&connection, json, interruption).await,
        Command::Task(task) => task.run(&connection, json, interruption).await,
        Command::Resume(resume) => resume.run(&connection, json, interruption).await,
        Command::Models => models::run(json),
        Command::Check(check) => check.run(json),
        Command::Call(call) => call.run(&connection, interruption).await,
        Command::Schema(schema) => schema.run(json, &Arguments::command()),
        Command::Sign(sign) => sign.run(json),
        Command::Emulate(emulate) => emulate.run().await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "vod-aigc", &mut script);
            print(String::from_utf8_lossy(&script))
        }
    }
}

/// Takes the name of an action that this release knows.
fn known_actions() -> PossibleValuesParser {
    PossibleValuesParser::new(ACTIONS.iter().map(|action| action.name))
}

/// Prints one JSON document.
fn print_json(document: &impl serde::Serialize) -> Result<(), Failure> {
    print(serde_json::to_string(document).map_err(|error| Failure::usage(error.to_string()))?)
}

/// Prints a line of data. A reader that has gone away, as `head` does, is no failure.
fn print(line: impl std::fmt::Display) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Reads a file, or standard input where it is `-`.
fn read_input(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
