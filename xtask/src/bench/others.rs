//! The official SDKs of other languages, as workers where their runtimes are installed.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::on_one_core;
use super::worker::Worker;

/// The packages that are measured, from their languages' own registries.
const NODE: &str = "tencentcloud-sdk-nodejs-vod@4.1.287";
const PYTHON: &str = "tencentcloud-sdk-python-vod==3.1.194";

/// Starts what can be made ready on this machine, and says of the rest what is missing.
pub(crate) fn workers(folder: &Path, target: &Path, server: &str) -> Result<Vec<Worker>> {
    let others = folder.join("others");
    let mut workers = Vec::new();

    let node = target.join("node");
    let modules = node.join("node_modules");
    let mut install = Command::new("npm");
    install
        .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&node)
        .arg(NODE);
    if modules.join("tencentcloud-sdk-nodejs-vod").exists() || works(&mut install, "Node") {
        let mut command = on_one_core(Path::new("node"));
        command.arg(others.join("worker.mjs")).arg(server).arg(&node);
        workers.push(Worker::start(command)?);
    }

    let python = target.join("python");
    let interpreter = python.join("bin/python");
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv"]).arg(&python);
    let mut install = Command::new(&interpreter);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTHON]);
    let installed =
        || Command::new(&interpreter).args(["-c", "import tencentcloud.vod"]).status().is_ok_and(|it| it.success());
    if (interpreter.exists() && installed()) || (works(&mut environment, "Python") && works(&mut install, "Python")) {
        let mut command = on_one_core(&interpreter);
        command.args(["-W", "ignore"]).arg(others.join("worker.py")).arg(server);
        workers.push(Worker::start(command)?);
    }

    let go = target.join("go-worker");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&go).arg(others.join("worker.go"));
    if works(&mut build, "Go") {
        let mut command = on_one_core(&go);
        command.arg(server).arg(folder.join("material"));
        workers.push(Worker::start(command)?);
    }
    Ok(workers)
}

/// Runs a step of making ready; where it fails, the language is left out aloud.
fn works(command: &mut Command, language: &str) -> bool {
    let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !done {
        println!("SKIPPED: {language} is not measured here: {command:?} does not work");
    }
    done
}
