//! The official SDKs of other languages: processes that measure themselves.
//!
//! For a line `WORK COUNT` on its input a worker does the work so many times and answers the wall time in nanoseconds.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;

use crate::server::Server;

/// Measures the SDKs that `cargo xtask bench` has installed; none where `cargo bench` is run manually.
pub fn official(group: &mut BenchmarkGroup<'_, WallTime>, work: &str, server: &Server) {
    let others = Path::new(env!("CARGO_MANIFEST_DIR")).join("others");
    if let Some(python) = env::var_os("BENCH_PYTHON") {
        let mut command = Command::new(python);
        command.args(["-W", "ignore"]).arg(others.join("worker.py"));
        measure(group, "Python, official SDK", work, command, server);
    }
    if let Some(modules) = env::var_os("BENCH_NODE_MODULES") {
        let mut command = Command::new("node");
        command.arg(others.join("worker.mjs")).env("BENCH_NODE_MODULES", modules);
        measure(group, "Node, official SDK", work, command, server);
    }
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, work: &str, mut command: Command, server: &Server) {
    command.arg(server.url());
    if let Some(root) = &server.root {
        // Node reads the variable when it starts, Python's SDK takes the argument.
        command.arg(&root.file).env("NODE_EXTRA_CA_CERTS", &root.file);
    }
    let mut worker = Worker::start(command);
    group.bench_function(name, |bencher| bencher.iter_custom(|count| worker.run(work, count)));
}

/// A process that ends with its input.
struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a worker");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, input, output }
    }

    fn run(&mut self, work: &str, count: u64) -> Duration {
        writeln!(self.input.as_mut().expect("it is open"), "{work} {count}").expect("a worker that listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        Duration::from_nanos(line.trim().parse().expect("nanoseconds"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.input.take();
        // It has nothing left to write.
        let _ = self.child.wait();
    }
}
