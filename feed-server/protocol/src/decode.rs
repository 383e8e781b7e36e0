//! Reads frames as a client does: for tests, tools and the slow path of the load tester. Never on the server's hot path.
//! JSON prices are read from their digits, MessagePack ones with the places that `subscribed.table` told.

use std::collections::HashMap;

use rmp::decode::{read_array_len, read_bool, read_int};
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::msgpack::{SNAPSHOT, kind};
use crate::{Aggressor, Bar, Control, Data, Format, Interval, Price, ServerMessage, TradingStatus};

/// Why a frame could not be read.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Broken JSON, or a message without the keys it must have.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Broken MessagePack.
    #[error("MessagePack: {0}")]
    Msgpack(String),
    /// Well-formed, but not what the contract says.
    #[error("{0}")]
    Contract(String),
}

/// What a MessagePack client knows of symbols: id to name and places.
#[derive(Debug, Default)]
pub struct SymbolTable(HashMap<u32, (String, u8)>);

impl SymbolTable {
    fn learn(&mut self, control: &Control) {
        if let Control::Subscribed { table: Some(table), .. } | Control::Symbols { table } = control
        {
            for (id, name, places) in table {
                self.0.insert(*id, (name.clone(), *places));
            }
        }
    }

    fn get(&self, id: u32) -> Result<&(String, u8), DecodeError> {
        self.0.get(&id).ok_or_else(|| contract(format!("symbol id {id} was not announced")))
    }
}

/// Reads a frame: an array of messages. `table` learns from `subscribed` and `symbols`.
///
/// # Errors
/// Anything the contract does not allow.
pub fn decode_frame(
    format: Format,
    frame: &[u8],
    table: &mut SymbolTable,
) -> Result<Vec<ServerMessage>, DecodeError> {
    match format {
        Format::Json => {
            let messages: Vec<&RawValue> = serde_json::from_slice(frame)?;
            messages.into_iter().map(|message| decode_json(message.get())).collect()
        }
        Format::Msgpack => decode_msgpack(frame, table),
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "T")]
    kind: &'a str,
}

#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the contract's keys")]
struct Fields<'a> {
    S: String,
    n0: Option<u64>,
    n: Option<u64>,
    o: Option<u64>,
    ts0: Option<i64>,
    ts: i64,
    i: Option<&'a str>,
    st: Option<&'a str>,
    #[serde(borrow)]
    p: Option<&'a RawValue>,
    b: Option<&'a RawValue>,
    B: Option<u64>,
    a: Option<&'a RawValue>,
    A: Option<u64>,
    O: Option<&'a RawValue>,
    H: Option<&'a RawValue>,
    L: Option<&'a RawValue>,
    C: Option<&'a RawValue>,
    v: Option<u64>,
    d: Option<i64>,
    c: Option<u64>,
    x: Option<bool>,
    snap: Option<u8>,
}

fn decode_json(text: &str) -> Result<ServerMessage, DecodeError> {
    let head: Head<'_> = serde_json::from_str(text)?;
    if !matches!(head.kind, "t" | "q" | "m" | "b" | "s") {
        return Ok(ServerMessage::Control(serde_json::from_str(text)?));
    }
    let f: Fields<'_> = serde_json::from_str(text)?;
    let snap = match f.snap {
        None => false,
        Some(1) => true,
        Some(other) => return Err(contract(format!("snap {other} in {text}"))),
    };
    let lacking = |key: &str| contract(format!("{key} is missing in {text}"));
    let price = |value: Option<&RawValue>, key: &str| -> Result<Price, DecodeError> {
        value
            .ok_or_else(|| lacking(key))?
            .get()
            .parse()
            .map_err(|error| contract(format!("{key}: {error}")))
    };
    let (n, o) = (f.n.ok_or_else(|| lacking("n")), f.o.ok_or_else(|| lacking("o")));
    let v = f.v.ok_or_else(|| lacking("v"));
    let data = match head.kind {
        "t" => Data::Trade {
            n: n?,
            o: o?,
            ts: f.ts,
            p: price(f.p, "p")?,
            v: v?,
            d: f.d.and_then(Aggressor::from_wire).ok_or_else(|| lacking("d"))?,
            snap,
        },
        "q" => Data::Quote {
            n0: f.n0,
            n: n?,
            o: o?,
            ts: f.ts,
            b: price(f.b, "b")?,
            bid_size: f.B.ok_or_else(|| lacking("B"))?,
            a: price(f.a, "a")?,
            ask_size: f.A.ok_or_else(|| lacking("A"))?,
            snap,
        },
        "m" => Data::Merged {
            n0: f.n0.ok_or_else(|| lacking("n0"))?,
            n: n?,
            o: o?,
            ts0: f.ts0.ok_or_else(|| lacking("ts0"))?,
            ts: f.ts,
            open: price(f.O, "O")?,
            high: price(f.H, "H")?,
            low: price(f.L, "L")?,
            p: price(f.p, "p")?,
            v: v?,
            c: f.c.ok_or_else(|| lacking("c"))?,
        },
        "s" => Data::Status {
            n: n?,
            o: o?,
            ts: f.ts,
            st: f.st.and_then(TradingStatus::from_wire).ok_or_else(|| lacking("st"))?,
            snap,
        },
        _ => {
            let open = price(f.O, "O")?;
            Data::Bar {
                interval: f.i.and_then(Interval::from_wire).ok_or_else(|| lacking("i"))?,
                places: open.places,
                bar: Bar {
                    start_us: f.ts,
                    open: open.units,
                    high: price(f.H, "H")?.units,
                    low: price(f.L, "L")?.units,
                    close: price(f.C, "C")?.units,
                    volume: v?,
                    count: f.c.ok_or_else(|| lacking("c"))?,
                },
                is_final: f.x.ok_or_else(|| lacking("x"))?,
            }
        }
    };
    Ok(ServerMessage::Data(f.S, data))
}

fn decode_msgpack(
    frame: &[u8],
    table: &mut SymbolTable,
) -> Result<Vec<ServerMessage>, DecodeError> {
    let mut rest = frame;
    let count = read_array_len(&mut rest).map_err(broken)?;
    let mut messages = Vec::new();
    for _ in 0..count {
        let is_array = matches!(rest.first(), Some(0x90..=0x9f | 0xdc | 0xdd));
        if is_array {
            messages.push(decode_data(&mut rest, table)?);
        } else {
            let control = Control::deserialize(&mut rmp_serde::Deserializer::new(&mut rest))
                .map_err(broken)?;
            table.learn(&control);
            messages.push(ServerMessage::Control(control));
        }
    }
    if !rest.is_empty() {
        return Err(contract(format!("{} bytes after the frame's array", rest.len())));
    }
    Ok(messages)
}

fn decode_data(rest: &mut &[u8], table: &SymbolTable) -> Result<ServerMessage, DecodeError> {
    let length = read_array_len(rest).map_err(broken)?;
    let number = uint(rest)?;
    let (number, snap) =
        if number >= SNAPSHOT { (number - SNAPSHOT, true) } else { (number, false) };
    let expected = match number {
        kind::TRADE => 8,
        kind::QUOTE => 9,
        kind::MERGED_TRADES => 13,
        kind::BAR => 11,
        kind::STATUS => 6,
        kind::MERGED_QUOTE => 10,
        other => return Err(contract(format!("no message type {other}"))),
    };
    if length != expected {
        return Err(contract(format!("type {number} has {length} elements, not {expected}")));
    }
    let (name, places) = table.get(read_int(rest).map_err(broken)?)?;
    let places = *places;
    let price = |rest: &mut &[u8]| sint(rest).map(|units| Price { units, places });
    let data = match number {
        kind::TRADE => Data::Trade {
            n: uint(rest)?,
            o: uint(rest)?,
            ts: sint(rest)?,
            p: price(rest)?,
            v: uint(rest)?,
            d: Aggressor::from_wire(sint(rest)?).ok_or_else(|| contract("bad d".into()))?,
            snap,
        },
        kind::QUOTE | kind::MERGED_QUOTE => Data::Quote {
            n0: (number == kind::MERGED_QUOTE).then(|| uint(rest)).transpose()?,
            n: uint(rest)?,
            o: uint(rest)?,
            ts: sint(rest)?,
            b: price(rest)?,
            bid_size: uint(rest)?,
            a: price(rest)?,
            ask_size: uint(rest)?,
            snap,
        },
        kind::MERGED_TRADES => Data::Merged {
            n0: uint(rest)?,
            n: uint(rest)?,
            o: uint(rest)?,
            ts0: sint(rest)?,
            ts: sint(rest)?,
            open: price(rest)?,
            high: price(rest)?,
            low: price(rest)?,
            p: price(rest)?,
            v: uint(rest)?,
            c: uint(rest)?,
        },
        kind::STATUS => Data::Status {
            n: uint(rest)?,
            o: uint(rest)?,
            ts: sint(rest)?,
            st: status(rest)?,
            snap,
        },
        _ => {
            let seconds = uint(rest)?;
            let interval = Interval::ALL.into_iter().find(|i| u64::from(i.seconds()) == seconds);
            Data::Bar {
                interval: interval
                    .ok_or_else(|| contract(format!("no interval of {seconds} s")))?,
                places,
                bar: Bar {
                    start_us: sint(rest)?,
                    open: sint(rest)?,
                    high: sint(rest)?,
                    low: sint(rest)?,
                    close: sint(rest)?,
                    volume: uint(rest)?,
                    count: uint(rest)?,
                },
                is_final: read_bool(rest).map_err(broken)?,
            }
        }
    };
    Ok(ServerMessage::Data(name.clone(), data))
}

fn status(rest: &mut &[u8]) -> Result<TradingStatus, DecodeError> {
    let (word, after) = rmp::decode::read_str_from_slice(*rest).map_err(broken)?;
    *rest = after;
    TradingStatus::from_wire(word).ok_or_else(|| contract(format!("no status {word}")))
}

fn uint(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    read_int(rest).map_err(broken)
}

fn sint(rest: &mut &[u8]) -> Result<i64, DecodeError> {
    read_int(rest).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> DecodeError {
    DecodeError::Msgpack(error.to_string())
}

fn contract(message: String) -> DecodeError {
    DecodeError::Contract(message)
}
