//! Which symbol is busy: shares of the symbols and a constant-time draw from them.
//! Asked once for every event that no earlier event has set off.
//! Never changes while a simulation runs.

use crate::chance::Chance;
use crate::plan::{Plan, Popularity};

/// Walker's alias method in Vose's form (Vose 1991, "A linear algorithm for generating random
/// numbers with a given distribution"): one draw of 64 bits, one table look-up.
#[derive(Debug)]
pub(crate) struct Ranking {
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    /// Below it (of 2^32) the cell's own symbol is taken, otherwise the alias.
    own: u32,
    alias: u32,
}

impl Ranking {
    pub(crate) fn new(plan: &Plan) -> Self {
        let total: f64 = (0..plan.symbols).map(|rank| weight(plan.popularity, rank)).sum();
        let scale = f64::from(plan.symbols) / total;
        let mut weights: Vec<f64> =
            (0..plan.symbols).map(|rank| weight(plan.popularity, rank) * scale).collect();
        let mut cells: Vec<Cell> =
            (0..plan.symbols).map(|alias| Cell { own: u32::MAX, alias }).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..plan.symbols).partition(|&rank| weights[rank as usize] < 1.0);
        while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
            small.pop();
            let share = weights[poor as usize];
            cells[poor as usize] = Cell { own: (share * 4_294_967_296.0) as u32, alias: rich };
            weights[rich as usize] -= 1.0 - share;
            if weights[rich as usize] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Self { cells }
    }

    /// Index of a symbol, drawn by its share.
    #[inline]
    pub(crate) fn draw(&self, chance: &mut Chance) -> u32 {
        let bits = chance.bits();
        let index = ((bits >> 32) * self.cells.len() as u64) >> 32;
        let cell = self.cells[index as usize];
        if (bits as u32) < cell.own { index as u32 } else { cell.alias }
    }
}

fn weight(popularity: Popularity, rank: u32) -> f64 {
    match popularity {
        Popularity::Zipf => 1.0 / f64::from(rank + 1),
        Popularity::Uniform => 1.0,
    }
}

/// Share of the symbol of a rank (from 0) in all events.
pub(crate) fn share(plan: &Plan, rank: u32) -> f64 {
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    let n = f64::from(plan.symbols);
    match plan.popularity {
        Popularity::Uniform => 1.0 / n,
        // The harmonic number by its asymptotic expansion, good to 1 % even for one symbol.
        Popularity::Zipf => {
            let harmonic = libm::log(n) + EULER_GAMMA + 0.5 / n - 1.0 / (12.0 * n * n);
            1.0 / (harmonic * f64::from(rank + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_by_share() {
        for popularity in [Popularity::Zipf, Popularity::Uniform] {
            let plan = Plan { symbols: 20, popularity, ..Plan::default() };
            let ranking = Ranking::new(&plan);
            let mut chance = Chance::new(1, 1);
            let mut counts = [0u32; 20];
            for _ in 0..400_000 {
                counts[ranking.draw(&mut chance) as usize] += 1;
            }
            for (rank, &count) in (0u32..).zip(&counts) {
                let (got, want) = (f64::from(count) / 400_000.0, share(&plan, rank));
                assert!((got / want - 1.0).abs() < 0.06, "{popularity} {rank}: {got} {want}");
            }
        }
    }

    #[test]
    fn one_symbol_gets_everything() {
        let plan = Plan { symbols: 1, ..Plan::default() };
        let ranking = Ranking::new(&plan);
        assert_eq!(ranking.draw(&mut Chance::new(1, 1)), 0);
        assert!((share(&plan, 0) - 1.0).abs() < 0.01);
    }
}
