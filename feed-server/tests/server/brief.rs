//! Messages in a few words, so that a test can say what it expects of a whole exchange at a glance:
//! `AAPL t3 @7` is trade 3 of AAPL at offset 7, `AAPL m3-5 @9` merged trades, `AAPL b1s 4` a forming bar of 4 trades.

use feed_protocol::{Control, Data, GapReason, ServerMessage};

pub fn brief(messages: &[ServerMessage]) -> Vec<String> {
    messages.iter().map(one).collect()
}

fn one(message: &ServerMessage) -> String {
    match message {
        ServerMessage::Control(control) => brief_control(control),
        ServerMessage::Data(symbol, data) => format!("{symbol} {}", brief_data(data)),
    }
}

fn brief_control(control: &Control) -> String {
    match control {
        Control::Welcome { .. } => "welcome".into(),
        Control::Subscribed { recovered: None, .. } => "subscribed".into(),
        Control::Subscribed { recovered: Some(true), .. } => "subscribed recovered".into(),
        Control::Subscribed { recovered: Some(false), .. } => "subscribed lost".into(),
        Control::Unsubscribed { .. } => "unsubscribed".into(),
        Control::Subscriptions { .. } => "subscriptions".into(),
        Control::Symbols { .. } => "symbols".into(),
        Control::Gap { symbol, ch, from, to, why } => {
            let why = match why {
                GapReason::History => "history",
                GapReason::Slow => "slow",
                GapReason::Overflow => "overflow",
            };
            format!("gap {symbol} {ch} {from}-{to} {why}")
        }
        Control::Heartbeat { .. } => "heartbeat".into(),
        Control::Error { code, .. } => format!("error {}", code.as_str()),
        Control::Pong { .. } => "pong".into(),
        Control::Authenticated { .. } => "authenticated".into(),
        Control::Bye { .. } => "bye".into(),
    }
}

pub fn brief_data(data: &Data) -> String {
    let mark = |snap: &bool| if *snap { " snap" } else { "" };
    match data {
        Data::Trade { n, o, snap, .. } => format!("t{n} @{o}{}", mark(snap)),
        Data::Quote { n0: None, n, o, snap, .. } => format!("q{n} @{o}{}", mark(snap)),
        Data::Quote { n0: Some(n0), n, o, snap, .. } => format!("q{n0}-{n} @{o}{}", mark(snap)),
        Data::Merged { n0, n, o, .. } => format!("m{n0}-{n} @{o}"),
        Data::Status { n, o, snap, .. } => format!("s{n} @{o}{}", mark(snap)),
        Data::Bar { interval, bar, is_final, .. } => {
            let end = if *is_final { " final" } else { "" };
            format!("b{} {}{end}", interval.as_str(), bar.count)
        }
    }
}
