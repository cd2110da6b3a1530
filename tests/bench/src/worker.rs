//! A worker: a program that knows ways to do some work, and does one of them so many times when it is told to.
//!
//! It prints a line `WORK<tab>WAY` for each that it knows and then an empty one. For a line `WORK<tab>WAY<tab>COUNT` on its
//! input it answers `CPU` in nanoseconds, the processor time that all the repetitions took in this process together.
//! Workers in other languages keep to the same protocol.

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Does a work as many times as it is told.
pub type Run = Box<dyn FnMut(u32)>;

/// One way to do one work.
pub struct Way {
    work: &'static str,
    name: &'static str,
    start: Box<dyn Fn(SocketAddr) -> Run>,
    run: Option<Run>,
}

impl Way {
    /// A way by the name of the work, its own name, and how it is set up with the address of the server.
    pub fn new(work: &'static str, name: &'static str, start: impl Fn(SocketAddr) -> Run + 'static) -> Self {
        Self { work, name, start: Box::new(start), run: None }
    }

    /// A way that needs no server and nothing set up.
    pub fn plain<T>(work: &'static str, name: &'static str, once: impl Fn() -> T + Clone + 'static) -> Self {
        Self::new(work, name, move |_| {
            let once = once.clone();
            Box::new(move |count| {
                for _ in 0..count {
                    std::hint::black_box(once());
                }
            })
        })
    }
}

/// How often a way is run before it is measured for the first time.
const WARM_UP: u32 = 64;

/// Serves the ways until the input ends. The first argument of the program is the address of the server.
pub fn serve(mut ways: Vec<Way>) {
    let server = std::env::args().nth(1).expect("usage: WORKER ADDRESS");
    let server = server.parse().expect("the address of the server");
    let mut output = std::io::stdout().lock();
    for way in &ways {
        writeln!(output, "{}\t{}", way.work, way.name).expect("stdout");
    }
    writeln!(output).expect("stdout");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("stdin");
        let [work, name, count] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("WORK, WAY and COUNT, not {line:?}");
        };
        let way = ways.iter_mut().find(|way| (way.work, way.name) == (work, name)).expect("a way that was listed");
        let run = way.run.get_or_insert_with(|| {
            let mut run = (way.start)(server);
            run(WARM_UP);
            run
        });
        let before = cpu();
        measured(run, count.parse().expect("a count"));
        writeln!(output, "{}", (cpu() - before).as_nanos()).expect("stdout");
    }
}

/// What is counted: valgrind collects inside this function only, which it knows by name.
#[inline(never)]
fn measured(run: &mut Run, count: u32) {
    run(count);
    // Keeps the call above from becoming a jump, after which this function would seem to have ended.
    std::hint::black_box(count);
}

/// The processor time of this process so far.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
