//! The thread that owns every socket of a fleet.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};
use sotto_server::shard::{
    socket::{Inbox, Outbox},
    wheel::Wheel,
};
use tokio::sync::oneshot;

use super::{
    MemberId, NewMember,
    member::{Member, Surroundings},
    tally::Tally,
};

/// Events that one wait may give.
const EVENTS: usize = 256;
/// What the eventfd is called among the events; no member is.
const WAKE: u64 = u64::MAX;
/// Batches that are taken from one socket before another has its turn.
const BATCHES: usize = 4;

/// What a fleet is asked for.
pub(super) enum Command {
    Add(MemberId, Box<NewMember>),
    Remove(MemberId),
    Tally(oneshot::Sender<Box<Tally>>),
    Stop,
}

/// The state of the thread.
pub(super) struct Reactor {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    commands: mpsc::Receiver<Command>,
    epoch: Instant,
    members: Vec<Option<Member>>,
    wheel: Wheel,
    inbox: Inbox,
    outbox: Outbox,
    scratch: Vec<u8>,
    tally: Tally,
    /// Who has left, for what their lines received.
    gone: Tally,
    stopping: bool,
}

impl Reactor {
    /// To be made on the thread that runs it: where datagrams arrive and leave is not to be sent.
    pub(super) fn new(wake: Arc<OwnedFd>, commands: mpsc::Receiver<Command>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, wake.as_fd(), epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        let epoch = Instant::now();
        Ok(Self {
            epoll,
            wake,
            commands,
            epoch,
            members: Vec::new(),
            wheel: Wheel::new(epoch),
            inbox: Inbox::new(),
            outbox: Outbox::new(true),
            scratch: Vec::new(),
            tally: Tally::new(),
            gone: Tally::new(),
            stopping: false,
        })
    }

    /// Runs until it is told to stop.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        while !self.stopping {
            let wait = self.wheel.next().map(|due| {
                let wait = due.saturating_duration_since(Instant::now());
                Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) }
            });
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                match event.data.u64() {
                    WAKE => self.obey(),
                    key => self.receive(key as u32),
                }
            }
            self.time();
        }
        Ok(())
    }

    fn obey(&mut self) {
        let mut count = [0; 8];
        // Whoever wakes again meanwhile is seen below or wakes the next wait.
        let _ = rustix::io::read(&*self.wake, &mut count);
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Add(id, new) => self.add(id, *new),
                Command::Remove(id) => self.remove(id.0),
                // Nobody waits any more: nothing is lost.
                Command::Tally(reply) => drop(reply.send(Box::new(self.count()))),
                Command::Stop => self.stopping = true,
            }
        }
    }

    fn add(&mut self, MemberId(key): MemberId, new: NewMember) {
        let Ok(mut member) = Member::new(Instant::now(), new) else { return };
        let data = epoll::EventData::new_u64(key.into());
        let watched = epoll::add(&self.epoll, member.socket().as_fd(), data, epoll::EventFlags::IN);
        if let Err(error) = watched {
            tracing::warn!(%error, "a socket cannot be watched");
            return;
        }
        let at = key as usize;
        if self.members.len() <= at {
            self.members.resize_with(at + 1, || None);
        }
        self.members[at] = Some(member);
        self.wheel.set(key, Instant::now());
    }

    fn remove(&mut self, key: u32) {
        let Some(mut member) = self.members.get_mut(key as usize).and_then(Option::take) else {
            return;
        };
        let mut around = Surroundings {
            now: Instant::now(),
            epoch: self.epoch,
            outbox: &mut self.outbox,
            scratch: &mut self.scratch,
            tally: &mut self.tally,
        };
        member.leave(&mut around);
        for line in member.lines() {
            self.gone.add(line.received());
        }
        self.wheel.cancel(key);
    }

    fn receive(&mut self, key: u32) {
        for _ in 0..BATCHES {
            let Some(Some(member)) = self.members.get_mut(key as usize) else { return };
            let received = match member.socket().receive(&mut self.inbox) {
                Ok(received) => received,
                // ICMP says that nobody listens: the server is gone, or not there yet.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
                Err(error) => {
                    tracing::warn!(%error, "a socket cannot be read");
                    return self.remove(key);
                }
            };
            let mut around = Surroundings {
                now: Instant::now(),
                epoch: self.epoch,
                outbox: &mut self.outbox,
                scratch: &mut self.scratch,
                tally: &mut self.tally,
            };
            let mut stays = true;
            for index in 0..received {
                let Some(message) = self.inbox.get(index).filter(|it| !it.truncated) else {
                    continue;
                };
                for datagram in message.bytes.chunks_mut(message.segment) {
                    stays &= member.datagram(&mut around, datagram);
                }
            }
            let due = member.due(around.now);
            if !stays {
                return self.remove(key);
            }
            self.wheel.set(key, due);
            if !self.inbox.is_full() {
                return;
            }
        }
    }

    fn time(&mut self) {
        let now = Instant::now();
        self.wheel.advance(now);
        while let Some(key) = self.wheel.pop() {
            let Some(Some(member)) = self.members.get_mut(key as usize) else { continue };
            let mut around = Surroundings {
                now,
                epoch: self.epoch,
                outbox: &mut self.outbox,
                scratch: &mut self.scratch,
                tally: &mut self.tally,
            };
            if member.advance(&mut around) {
                let due = member.due(now).max(now + Duration::from_micros(1));
                self.wheel.set(key, due);
            } else {
                self.remove(key);
            }
        }
    }

    /// What was counted so far, those who have left included.
    fn count(&self) -> Tally {
        let mut tally = self.tally.clone();
        let lines = |lines: &Tally, tally: &mut Tally| {
            tally.received += lines.received;
            tally.expected += lines.expected;
            tally.pictures += lines.pictures;
            tally.freezes += lines.freezes;
            tally.frozen += lines.frozen;
        };
        lines(&self.gone, &mut tally);
        for member in self.members.iter().flatten() {
            tally.members += 1;
            member.lines().iter().for_each(|line| tally.add(line.received()));
            let silent = member.lines().iter().all(|line| line.received().packets == 0);
            let unserved = member.is_connected() && !member.lines().is_empty() && silent;
            tally.unserved += u64::from(unserved);
        }
        tally
    }
}

/// Numbers that nobody has: a number that was given back is given out again.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    free: BTreeSet<u32>,
    next: u32,
}

impl Numbers {
    pub(super) fn take(&mut self) -> u32 {
        self.free.pop_first().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    pub(super) fn give_back(&mut self, number: u32) {
        self.free.insert(number);
    }
}
