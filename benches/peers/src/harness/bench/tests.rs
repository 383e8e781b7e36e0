//! What is kept of a run that ends too early, and what the next one measures: with measurements that take no time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::*;
use crate::harness::peer::asked_for;

const PEERS: [&str; 2] = ["tickcast", "ws"];

struct Run {
    file: PathBuf,
    arguments: Arguments,
    peers: Vec<&'static Peer>,
}

impl Run {
    fn new(name: &str, arguments: &str) -> Self {
        let file = std::env::temp_dir().join(format!("peers-{name}-{}.json", std::process::id()));
        let _ = std::fs::remove_file(&file);
        let arguments = Arguments::parse_from(format!("peers {arguments}").split(' '));
        let peers = asked_for(&PEERS.map(str::to_owned)).unwrap();
        Self { file, arguments, peers }
    }

    /// Runs until `measure` fails; the servers that were asked, in order.
    fn go(&self, mut measure: impl FnMut(usize) -> Result<Round>) -> Vec<String> {
        let mut store = Store::open(Some(self.file.clone()), Report::default()).unwrap();
        let mut asked = Vec::new();
        let mut one = |_, peer: &Peer, _| {
            asked.push(peer.name.to_owned());
            let round = measure(asked.len() - 1)?;
            Ok(Round { peer: peer.name.to_owned(), ..round })
        };
        let mut bench = Bench { arguments: &self.arguments, store: &mut store, measure: &mut one };
        let _ = catch_unwind(AssertUnwindSafe(|| bench.run(&self.peers)));
        asked
    }

    fn kept(&self) -> Report {
        kept(&self.file)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
        let _ = std::fs::remove_file(self.file.with_extension("svg"));
    }
}

fn kept(file: &Path) -> Report {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn delivered() -> Round {
    Round { messages: 10, asked: 10.0, seconds: 1.0, ..Round::default() }
}

#[test]
fn a_run_that_is_killed_leaves_what_it_measured_and_the_next_one_goes_on() {
    let run = Run::new("killed", "--rows 1k,10k --rounds 2");
    let file = run.file.clone();
    let asked = run.go(|done| {
        if done > 0 {
            let kept = kept(&file);
            assert_eq!((kept.rounds.len(), kept.complete), (done, false));
        }
        assert!(done < 3, "killed");
        Ok(delivered())
    });
    assert_eq!(asked.len(), 4);
    let left = run.kept();
    assert_eq!((left.rounds.len(), left.complete), (3, false));
    let progress = |row: &str| (left.unfinished[row].done, left.unfinished[row].rounds);
    assert_eq!((progress("1k"), progress("10k")), ((1, 2), (0, 2)));
    assert!(left.rounds.iter().all(|round| round.at.ends_with('Z')));

    // The half round is measured again, as one of its own: ratios are of servers that stood beside each other.
    let asked = run.go(|_| Ok(delivered()));
    assert_eq!(asked.len(), 2 + 4);
    let all = run.kept();
    assert!(all.complete && all.unfinished.is_empty());
    let places: Vec<_> =
        all.rounds.iter().filter(|r| r.row == "1k").map(|r| (r.batch, r.round)).collect();
    assert_eq!(places, [(0, 0), (0, 0), (0, 1), (1, 0), (1, 0)]);
    assert_eq!(all.rounds[0].at, left.rounds[0].at);
    assert!(run.go(|_| Ok(delivered())).is_empty());
}

#[test]
fn what_is_there_is_measured_again_only_if_asked() {
    let mut run = Run::new("again", "--rows 1k --rounds 1");
    assert_eq!(run.go(|_| Ok(delivered())), PEERS);
    assert!(run.go(|_| Ok(delivered())).is_empty());
    run.arguments.rounds = 3;
    assert_eq!(run.go(|_| Ok(delivered())).len(), 4);
    (run.arguments.again, run.arguments.rounds) = (true, 1);
    assert_eq!(run.go(|_| Ok(delivered())), PEERS);
    assert_eq!(run.kept().rounds.len(), 8);
}

#[test]
fn who_fails_is_left_out_and_not_waited_for() {
    let mut run = Run::new("fails", "--rows 1k --rounds 3");
    let fails_once = |done| if done == 3 { bail!("is gone") } else { Ok(delivered()) };
    assert_eq!(run.go(fails_once), ["tickcast", "ws", "tickcast", "ws", "tickcast"]);
    assert!(run.kept().complete);
    assert_eq!(run.kept().left_out["ws on 1k"], "is gone");
    assert!(run.go(|_| Ok(delivered())).is_empty());
    run.arguments.again = true;
    assert_eq!(run.go(|_| Ok(delivered())).len(), 6);
    assert!(run.kept().left_out.is_empty());
}

#[test]
fn every_row_is_measured_as_often_as_asked() {
    for row in &ROWS {
        let mut run = Run::new(row.name, &format!("--rows {} --rounds 3", row.name));
        run.peers = asked_for(&[]).unwrap();
        let entrants = run.peers.iter().filter(|peer| (row.who)(peer)).count();
        assert!(entrants > 0, "{}", row.name);
        let asked = run.go(|_| Ok(delivered()));
        assert_eq!(asked.len(), 3 * entrants * row.cases.len(), "{}", row.name);
    }
}

#[test]
fn a_row_that_was_cut_short_for_two_is_not_finished_by_one_of_them() {
    let mut run = Run::new("subset", "--rows 1k --rounds 1");
    run.go(|done| {
        assert!(done < 1, "killed");
        Ok(delivered())
    });
    let rounds = std::mem::replace(&mut run.arguments.rounds, 0);
    run.go(|_| unreachable!());
    assert!(!run.kept().complete, "nor by asking for fewer rounds");
    run.arguments.rounds = rounds;
    run.peers.retain(|peer| peer.name == "tickcast");
    run.go(|_| Ok(delivered()));
    let left = run.kept();
    assert!(!left.complete);
    assert_eq!(left.unfinished["1k"].servers, ["ws".to_owned()].into());
    run.peers = asked_for(&PEERS.map(str::to_owned)).unwrap();
    run.go(|_| Ok(delivered()));
    assert!(run.kept().complete);
}
