//! The workers of tests/bench and the server that they call: processes that are told by lines what to do.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The server that calls go to. Ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: String,
    // Its input: the server ends where that ends.
    _process: Process,
}

impl Server {
    pub(crate) fn start(command: Command) -> Result<Self> {
        let mut process = Process::start(command)?;
        Ok(Self { address: process.line()?, _process: process })
    }
}

/// A program that knows ways to do some work; tests/bench/src/worker.rs tells the protocol.
pub(crate) struct Worker {
    process: Process,
    pub(crate) ways: Vec<(String, String)>,
}

impl Worker {
    pub(crate) fn start(command: Command) -> Result<Self> {
        let mut process = Process::start(command)?;
        let mut ways = Vec::new();
        loop {
            let line = process.line()?;
            let Some((work, way)) = line.split_once('\t') else {
                return Ok(Self { process, ways });
            };
            ways.push((work.to_owned(), way.to_owned()));
        }
    }

    /// The processor time in nanoseconds of so many repetitions together.
    pub(crate) fn run(&mut self, work: &str, way: &str, count: u32) -> Result<f64> {
        self.process.tell(&format!("{work}\t{way}\t{count}"))?;
        Ok(self.process.line()?.parse()?)
    }

    /// Lets it come to its end, after which what it writes when it ends is there.
    pub(crate) fn finish(self) -> Result<()> {
        self.process.finish()
    }
}

/// The processor time in nanoseconds of one repetition of each way, as the median of `rounds` rounds. Each round runs
/// every way for a short while, so that what disturbs the machine disturbs all alike.
pub(crate) fn interleaved(workers: &mut [Worker], works: &HashSet<&str>, rounds: usize) -> Result<Vec<Timed>> {
    let mut timed = Vec::new();
    for (index, worker) in workers.iter_mut().enumerate() {
        for (work, way) in worker.ways.clone() {
            if works.contains(&*work) {
                let count = count_for(worker, &work, &way).with_context(|| format!("{work}, {way}"))?;
                timed.push((index, count, Timed { work, way, rounds: Vec::new() }));
            }
        }
    }
    for _ in 0..rounds {
        for (index, count, Timed { work, way, rounds }) in &mut timed {
            rounds.push(workers[*index].run(work, way, *count)? / f64::from(*count));
        }
    }
    Ok(timed.into_iter().map(|(_, _, timed)| timed).collect())
}

/// What one way took in each round, in nanoseconds of one repetition.
pub(crate) struct Timed {
    pub(crate) work: String,
    pub(crate) way: String,
    rounds: Vec<f64>,
}

impl Timed {
    pub(crate) fn median(mut self) -> f64 {
        self.rounds.sort_by(f64::total_cmp);
        self.rounds[self.rounds.len() / 2]
    }
}

/// How many repetitions one turn has, so that it lasts about 20 ms.
fn count_for(worker: &mut Worker, work: &str, way: &str) -> Result<u32> {
    const TURN: f64 = 20e6;
    let mut count = 64;
    loop {
        let took = worker.run(work, way, count)?;
        if took >= TURN / 4.0 {
            return Ok((f64::from(count) * TURN / took).ceil() as u32);
        }
        count *= 4;
    }
}

/// A child that is spoken to by lines. Without its input it ends.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("stdout is piped")?);
        Ok(Self { child, input, output })
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.input.as_mut().context("the process still listens")?, "{line}")?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "the process has ended early");
        Ok(line.trim_end_matches('\n').to_owned())
    }

    fn finish(mut self) -> Result<()> {
        drop(self.input.take());
        let status = self.child.wait()?;
        ensure!(status.success(), "the process has ended with {status}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        // It has nothing left to write.
        let _ = self.child.wait();
    }
}
