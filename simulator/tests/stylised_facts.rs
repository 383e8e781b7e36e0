//! Whether the simulated market has the properties that real ones have (Cont 2001, "Empirical properties of asset
//! returns: stylized facts and statistical issues"), by statistics over fixed seeds: nothing here is left to luck.

use feed_protocol::{Body, Tick, US_PER_SECOND};
use simulator::{Plan, Popularity, Scenario, Simulation};

fn ticks(plan: &Plan, seconds: i64) -> impl Iterator<Item = Tick> {
    let end_us = plan.start_us + seconds * US_PER_SECOND;
    Simulation::new(plan).unwrap().take_while(move |tick| tick.ts_us < end_us)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Central moment of an order.
fn moment(values: &[f64], order: i32) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(order)).sum::<f64>() / values.len() as f64
}

fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let mean = mean(values);
    let products = values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean));
    products.sum::<f64>() / values.len() as f64 / moment(values, 2)
}

/// Logarithmic returns of the first symbol's mid price over seconds, an hour and a half of calm.
fn returns_over_a_second() -> Vec<f64> {
    let plan = Plan { symbols: 5, rate: 200.0, ..Plan::default() };
    let mut mids = vec![0.0; 5400];
    for tick in ticks(&plan, 5400).filter(|tick| tick.symbol.0 == 0) {
        if let Body::Quote(quote) = tick.body {
            let second = (tick.ts_us - plan.start_us) / US_PER_SECOND;
            mids[second as usize] = (quote.bid + quote.ask) as f64 / 2.0;
        }
    }
    mids.retain(|&mid| mid > 0.0);
    assert!(mids.len() > 5300, "nearly every second has a quote");
    mids.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
}

#[test]
fn returns_have_fat_tails_no_memory_and_clustered_volatility() {
    let returns = returns_over_a_second();
    let excess_kurtosis = moment(&returns, 4) / moment(&returns, 2).powi(2) - 3.0;
    assert!((1.0..50.0).contains(&excess_kurtosis), "excess kurtosis {excess_kurtosis}");
    let sizes: Vec<f64> = returns.iter().map(|r| r.abs()).collect();
    for lag in 1..=10 {
        let memory = autocorrelation(&returns, lag);
        assert!(memory.abs() < 0.08, "autocorrelation of returns {memory} at lag {lag}");
    }
    for (lag, least) in [(1, 0.1), (5, 0.1), (20, 0.05), (60, 0.02)] {
        let memory = autocorrelation(&sizes, lag);
        assert!(memory > least, "autocorrelation of absolute returns {memory} at lag {lag}");
    }
    let yearly = moment(&returns, 2).sqrt() * 2428.8;
    assert!((0.1..1.2).contains(&yearly), "volatility {yearly} a year");
}

#[test]
fn trades_bounce_between_bid_and_ask() {
    let plan = Plan { symbols: 1, rate: 100.0, ..Plan::default() };
    let prices: Vec<f64> = ticks(&plan, 600)
        .filter_map(|tick| match tick.body {
            Body::Trade(trade) => Some(trade.price as f64),
            _ => None,
        })
        .collect();
    let changes: Vec<f64> = prices.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let bounce = autocorrelation(&changes, 1);
    assert!((-0.5..-0.1).contains(&bounce), "autocorrelation of price changes {bounce}");
}

#[test]
fn popularity_follows_zipf_with_exponent_one() {
    let plan = Plan { rate: 20_000.0, ..Plan::default() };
    let mut counts = vec![0.0f64; 500];
    ticks(&plan, 60).for_each(|tick| counts[tick.symbol.index()] += 1.0);
    // Least squares of ln(count) on ln(rank) over the first 200 ranks.
    let ranks: Vec<f64> = (1..=200).map(|rank| f64::from(rank).ln()).collect();
    let logs: Vec<f64> = counts[..200].iter().map(|count| count.ln()).collect();
    let (x, y) = (mean(&ranks), mean(&logs));
    let slope = ranks.iter().zip(&logs).map(|(a, b)| (a - x) * (b - y)).sum::<f64>()
        / ranks.iter().map(|a| (a - x).powi(2)).sum::<f64>();
    assert!((slope + 1.0).abs() < 0.05, "Zipf slope {slope}");
    let uniform = Plan { popularity: Popularity::Uniform, ..plan };
    let mut counts = vec![0.0f64; 500];
    ticks(&uniform, 60).for_each(|tick| counts[tick.symbol.index()] += 1.0);
    assert!(moment(&counts, 2).sqrt() / mean(&counts) < 0.1);
}

#[test]
fn sizes_are_log_normal() {
    let plan = Plan { symbols: 1, rate: 1000.0, trades_only: true, ..Plan::default() };
    let logs: Vec<f64> = ticks(&plan, 60)
        .filter_map(|tick| match tick.body {
            Body::Trade(trade) => Some(f64::from(trade.size).ln()),
            _ => None,
        })
        .collect();
    let deviation = moment(&logs, 2).sqrt();
    let skewness = moment(&logs, 3) / deviation.powi(3);
    let excess_kurtosis = moment(&logs, 4) / deviation.powi(4) - 3.0;
    assert!((0.85..1.1).contains(&deviation), "deviation of ln(size) {deviation}");
    assert!(skewness.abs() < 0.3, "skewness of ln(size) {skewness}");
    assert!(excess_kurtosis.abs() < 0.5, "excess kurtosis of ln(size) {excess_kurtosis}");
}

#[test]
fn events_come_in_bursts_a_symbol_at_a_time() {
    let plan = Plan { symbols: 10, rate: 500.0, ..Plan::default() };
    let mut counts = vec![vec![0.0f64; 3000]; 10];
    for tick in ticks(&plan, 300) {
        counts[tick.symbol.index()][((tick.ts_us - plan.start_us) / 100_000) as usize] += 1.0;
    }
    for (symbol, counts) in counts.iter().enumerate() {
        // 1 for a Poisson process, 1 / (1 - 0.6)² in the limit of long windows.
        let fano = moment(counts, 2) / mean(counts);
        assert!((1.5..8.0).contains(&fano), "Fano factor {fano} of symbol {symbol}");
    }
}

#[test]
fn the_rate_is_the_mean() {
    for (seed, symbols, rate) in [(1, 500, 10_000.0), (2, 500, 10_000.0), (3, 20, 20_000.0)] {
        let plan = Plan { seed, symbols, rate, ..Plan::default() };
        let events = ticks(&plan, 60).filter(|tick| !matches!(tick.body, Body::Status(_))).count();
        let got = events as f64 / 60.0;
        assert!((got / rate - 1.0).abs() < 0.01, "{got} events/s for {rate}, seed {seed}");
    }
}

#[test]
fn scenarios_show() {
    let per_second = |scenario, seconds: i64| -> Vec<f64> {
        let plan = Plan { scenario, rate: 500.0, ..Plan::default() };
        let mut counts = vec![0.0; seconds as usize];
        for tick in ticks(&plan, seconds).filter(|t| !matches!(t.body, Body::Status(_))) {
            counts[((tick.ts_us - plan.start_us) / US_PER_SECOND) as usize] += 1.0;
        }
        counts
    };
    let quiet = per_second(Scenario::Quiet, 60);
    assert!(quiet[5..30].iter().all(|&n| n == 0.0) && mean(&quiet[30..35]) > 300.0);
    let burst = per_second(Scenario::Burst, 20);
    assert!(mean(&[burst[2], burst[7], burst[12]]) > 8.0 * mean(&burst[3..7]));
    let open = per_second(Scenario::Open, 120);
    assert!(open[..3].iter().all(|&n| n == 0.0) && mean(&open[3..13]) > 2500.0);
    assert!(mean(&open[100..]) < mean(&open[3..23]) / 1.5);
}

#[test]
fn a_crash_falls_and_recovers() {
    let plan = Plan { scenario: Scenario::Crash, rate: 500.0, symbols: 20, ..Plan::default() };
    let mut last: Vec<Vec<f64>> = vec![vec![0.0; 20]];
    for tick in ticks(&plan, 595) {
        let second = ((tick.ts_us - plan.start_us) / US_PER_SECOND) as usize;
        while last.len() <= second {
            last.push(last[last.len() - 1].clone());
        }
        if let Body::Trade(trade) = tick.body {
            last[second][tick.symbol.index()] = trade.price as f64;
        }
    }
    let change = |from: usize, to: usize| {
        let ratios = last[to].iter().zip(&last[from]).map(|(to, from)| (to / from).ln());
        ratios.sum::<f64>() / 20.0
    };
    assert!((-0.2..-0.06).contains(&change(19, 80)), "fell by {}", change(19, 80));
    assert!(change(80, 594) > 0.05, "recovered {}", change(80, 594));
}
