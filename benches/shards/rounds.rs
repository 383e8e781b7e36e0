//! Rounds: each way of running two shards beside the others, in turn, and the ratios within each round.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use crate::plan::Plan;
use crate::process::{self, Cost};

/// Rounds that are measured.
const ROUNDS: usize = 16;
/// Before anything is measured, and what is, ms.
const TIMES_MS: (u64, u64) = (150, 350);

/// What shards are given to do.
struct Load {
    name: &'static str,
    batch: usize,
    is_paced: bool,
}

const LOADS: [Load; 3] = [
    Load { name: "16 events a batch, as fast as they are taken", batch: 16, is_paced: false },
    Load { name: "256 events a batch, as fast as they are taken", batch: 256, is_paced: false },
    Load { name: "5 events every 250 µs: shards sleep and are woken", batch: 5, is_paced: true },
];

/// How shards are run.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// One.
    One,
    /// Two in one process.
    Two,
    /// One in each of two processes.
    Apart,
    /// Two in one process that share a cache line.
    Line,
}

const WAYS: [Way; 4] = [Way::One, Way::Two, Way::Apart, Way::Line];

/// Runs a way's processes at the same time; messages are the sum of theirs, the rest is the mean. Shards are on a processor each;
/// all that is fed is fed from the processor `feeder`, so that as many queues cross from one to the other in each way.
fn run(way: Way, plan: Plan, feeder: Option<usize>) -> Cost {
    let on = |processor| Plan { processors: feeder.map(|feeder| (processor, feeder)), ..plan };
    let plans = match way {
        // Fed from the other one.
        Way::One => vec![on(1 - feeder.unwrap_or(0))],
        Way::Two => vec![Plan { shards: 2, ..on(0) }],
        Way::Line => vec![Plan { shards: 2, shares_line: true, ..on(0) }],
        Way::Apart => vec![on(0), on(1)],
    };
    let mut processes: Vec<Process> = plans.iter().map(Process::start).collect();
    processes.iter_mut().for_each(Process::begin);
    let costs: Vec<Cost> = processes.into_iter().map(Process::end).collect();
    let messages_per_s: f64 = costs.iter().map(|cost| cost.messages_per_s).sum();
    let mean = |of: fn(&Cost) -> f64| {
        costs.iter().map(|cost| of(cost) * cost.messages_per_s / messages_per_s).sum()
    };
    let (shard_ns, feeder_ns) = (mean(|cost| cost.shard_ns), mean(|cost| cost.feeder_ns));
    Cost { messages_per_s, shard_ns, feeder_ns }
}

/// This program again, as one process of a way.
struct Process {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Process {
    fn start(plan: &Plan) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .arg("--process")
            .args(plan.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut process = Self { child, output };
        assert_eq!(process.line(), "ready");
        process
    }

    fn begin(&mut self) {
        let input = self.child.stdin.as_mut().expect("its input");
        input.write_all(b"go\n").expect("a process that listens");
    }

    fn end(mut self) -> Cost {
        let line = self.line();
        assert!(self.child.wait().expect("its end").success(), "a process failed");
        let numbers: Vec<f64> =
            line.split(' ').map(|number| number.parse().expect("a number")).collect();
        let [messages_per_s, shard_ns, feeder_ns] = numbers[..] else {
            panic!("not a cost: {line}")
        };
        Cost { messages_per_s, shard_ns, feeder_ns }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}

/// Everything once, briefly: each process counts its messages and fails if one is missing. Times mean nothing here.
pub fn try_once() {
    for Load { name, batch, is_paced } in LOADS {
        let plan = plan(batch, is_paced, 50, (5, 20));
        for way in WAYS {
            println!("{name}: {way:?}");
            run(way, plan, None);
        }
        // In this process, where a failure is easier to look at.
        process::run(&Plan { shards: 2, ..plan }, || {});
    }
    println!("test shards ... ok");
}

fn plan(
    batch: usize,
    is_paced: bool,
    connections: usize,
    (warm_up_ms, measured_ms): (u64, u64),
) -> Plan {
    Plan {
        shards: 1,
        connections,
        batch,
        is_paced,
        shares_line: false,
        processors: None,
        warm_up_ms,
        measured_ms,
    }
}

/// Measures and prints the loads whose names contain `name`.
pub fn measure(name: &str) {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("two processors are needed to see what two shards share");
        return;
    }
    println!("medians of {ROUNDS} rounds (their middle half); 1000 connections a shard\n");
    for Load { name, batch, is_paced } in LOADS.into_iter().filter(|load| load.name.contains(name))
    {
        let rounds: Vec<[Cost; 4]> = (0..ROUNDS)
            .map(|number| round(number, plan(batch, is_paced, 1000, TIMES_MS)))
            .collect();
        println!("{name}");
        print(&rounds, is_paced);
        println!();
    }
}

/// Each way once. Another one begins each time, and either processor feeds.
fn round(number: usize, plan: Plan) -> [Cost; 4] {
    let mut costs = [Cost::default(); 4];
    for turn in 0..WAYS.len() {
        let place = (turn + number) % WAYS.len();
        costs[place] = run(WAYS[place], plan, Some(number / WAYS.len() % 2));
    }
    costs
}

fn print(rounds: &[[Cost; 4]], is_paced: bool) {
    let of = |value: &dyn Fn(&[Cost; 4]) -> f64| Spread::of(rounds.iter().map(value).collect());
    for (place, name) in
        ["one shard", "two shards", "two processes", "two, a shared line"].iter().enumerate()
    {
        println!(
            "  {name:20} {:6.2} million messages/s   {} ns CPU a message   {:4.0} ns an event to feed",
            of(&|round| round[place].messages_per_s / 1e6).median,
            of(&|round| round[place].shard_ns),
            of(&|round| round[place].feeder_ns).median,
        );
    }
    if !is_paced {
        let rate =
            |place: usize| of(&move |round| round[place].messages_per_s / round[0].messages_per_s);
        println!(
            "  messages/s : one shard      two shards {}   two processes {}",
            rate(1),
            rate(2)
        );
    }
    let cpu = |place: usize, beside: usize| {
        of(&move |round| round[place].shard_ns / round[beside].shard_ns)
    };
    println!(
        "  CPU a message : two processes   two shards {}   a shared line {}",
        cpu(1, 2),
        cpu(3, 2)
    );
    println!("  CPU a message : one shard       two processes {}", cpu(2, 0));
}

/// Of some values: the median and the quartiles.
struct Spread {
    median: f64,
    lower: f64,
    upper: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let quartile = |number: usize| {
            let place = (values.len() - 1) as f64 * number as f64 / 4.0;
            let (below, share) = (place as usize, place.fract());
            values[below] * (1.0 - share) + values[place.ceil() as usize] * share
        };
        Self { median: quartile(2), lower: quartile(1), upper: quartile(3) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} ({:.2} to {:.2})", self.median, self.lower, self.upper)
    }
}
