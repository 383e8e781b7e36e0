//! Sends replays: what a resumed subscription missed, piece by piece as the socket takes it, in frames; merged by seconds
//! for `latest`.

use feed_protocol::Record;

use super::Shard;
use super::audience::{AudienceId, Behaviour, ConnectionId};
use super::backlog::Out;
use super::batch::write_out;
use super::clock::Now;
use super::frame::{FRAME_BYTES_TARGET, FrameBuilder, Trailer};
use super::outbox::Sink;
use super::replay::{Progress, Replay, Replayed};
use super::wire::Wire;

/// Pieces of history that one member is sent before others have their turn.
const REPLAY_STEPS_MAX: usize = 8;

impl<S: Sink> Shard<S> {
    /// Sends the next pieces of a replay; `true` if it is over. Otherwise it is put back.
    pub(super) fn run_replay(
        &mut self,
        id: ConnectionId,
        audience: AudienceId,
        mut replay: Box<Replay>,
        now: Now,
    ) -> bool {
        let key = self.directory.get(audience).key.clone();
        let merges = matches!(key.behaviour, Behaviour::Latest { .. });
        for _ in 0..REPLAY_STEPS_MAX {
            if self.members[id].is_blocked() || !self.members[id].is_open() {
                break;
            }
            let mut out = Vec::new();
            let progress = replay.step(&self.latest, &self.market, &mut out);
            let frames = self.replay_frames(id, key.wire, &out, merges, &mut replay, &progress);
            if !frames.is_empty() {
                self.send(id, frames, now);
            }
            match progress {
                Progress::More => {}
                Progress::Respliced(lost) => {
                    self.absorb_in(id, audience);
                    if let Some(private) = self.private_mut(id, audience) {
                        lost.iter().for_each(|newest| private.resplice(newest));
                    }
                }
                Progress::Done => return true,
            }
        }
        if let Some(private) = self.private_mut(id, audience) {
            private.replay = Some(replay);
        }
        self.members[id].sink.want_writable();
        false
    }

    /// Frames of a piece of a replay; for `latest` it is merged by seconds.
    fn replay_frames(
        &mut self,
        id: ConnectionId,
        wire: Wire,
        out: &[Replayed],
        merges: bool,
        replay: &mut Replay,
        progress: &Progress,
    ) -> Vec<u8> {
        let outs: Vec<Out> = out.iter().map(|replayed| replayed.out).collect();
        self.count_gaps(&outs, 1);
        let mut frames = Vec::new();
        if merges {
            let mut records = Vec::new();
            for Replayed { out, snap } in out {
                match out {
                    Out::Record(Record::Event(event)) if !snap => {
                        if replay.merged.first_second().is_some_and(|s| s < event.second()) {
                            let mut merged = std::mem::take(&mut replay.merged);
                            self.take_second(id, wire, &mut merged, &mut records, &mut frames);
                            replay.merged = merged;
                        }
                        replay.merged.add(event);
                    }
                    // A hole and the newest event behind it: what was merged before them leaves before them.
                    _ => {
                        let mut merged = std::mem::take(&mut replay.merged);
                        while !merged.is_empty() {
                            self.take_second(id, wire, &mut merged, &mut records, &mut frames);
                        }
                        let one = [Replayed { out: *out, snap: *snap }];
                        frames.extend(self.plain_frames(wire, &one, Trailer::default()));
                    }
                }
            }
            if *progress == Progress::Done {
                let mut merged = std::mem::take(&mut replay.merged);
                while !merged.is_empty() {
                    self.take_second(id, wire, &mut merged, &mut records, &mut frames);
                }
            }
        } else {
            frames = self.plain_frames(wire, out, Trailer::upto(replay.position()));
        }
        frames
    }

    /// Frames of single events in order of offsets; `trailer` goes behind the last of them.
    pub(super) fn plain_frames(
        &mut self,
        wire: Wire,
        out: &[Replayed],
        trailer: Trailer,
    ) -> Vec<u8> {
        let Self { builders, universe, counters, .. } = self;
        let builder: &mut FrameBuilder = &mut builders[wire.index()];
        let format = wire.format();
        let mut frames = Vec::new();
        builder.clear();
        for (place, Replayed { out: message, snap }) in out.iter().enumerate() {
            builder.push_with(|bytes| write_out(format, bytes, message, *snap, universe));
            let is_last = place + 1 == out.len();
            if is_last || builder.payload_bytes() >= FRAME_BYTES_TARGET {
                counters.messages(wire.transport()).add(builder.messages().into());
                let trailer = if is_last { trailer } else { Trailer::default() };
                frames.extend_from_slice(builder.finish_with(trailer));
                builder.clear();
            }
        }
        frames
    }
}
