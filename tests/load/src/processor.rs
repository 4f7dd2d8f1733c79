//! The processor time of the thread that carries a node's media.

use std::{fs, io, time::Duration};

/// Name of that thread, as the node gives it.
const NAME: &str = "shard";

/// The threads of this process that carry media.
#[derive(Debug)]
pub struct MediaThreads {
    ids: Vec<u32>,
}

/// Why no processor time can be read.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// There is no `/proc`, or not the part that tells.
    #[error("the system does not tell the processor time of a thread: {0}")]
    Unreadable(#[from] io::Error),
    /// No thread has the name.
    #[error("no thread of this process is called {NAME}")]
    NoThread,
    /// The file does not begin with nanoseconds.
    #[error("the processor time of a thread is not a number: {0:?}")]
    Malformed(String),
}

impl MediaThreads {
    /// Those that run now; none is no error.
    ///
    /// # Errors
    /// [`ProcessorError::Unreadable`].
    pub fn find() -> Result<Self, ProcessorError> {
        Self::called(NAME)
    }

    fn called(wanted: &str) -> Result<Self, ProcessorError> {
        let mut ids = Vec::new();
        for task in fs::read_dir("/proc/self/task")? {
            let task = task?;
            // A thread may end between the two.
            let Ok(name) = fs::read_to_string(task.path().join("comm")) else { continue };
            if name.trim_end() == wanted {
                ids.extend(task.file_name().to_str().and_then(|id| id.parse::<u32>().ok()));
            }
        }
        Ok(Self { ids })
    }

    /// Those of them that are not among the others.
    ///
    /// # Errors
    /// [`ProcessorError::NoThread`].
    pub fn without(mut self, others: &Self) -> Result<Self, ProcessorError> {
        self.ids.retain(|id| !others.ids.contains(id));
        if self.ids.is_empty() { Err(ProcessorError::NoThread) } else { Ok(self) }
    }

    /// Time that they have used so far, in the kernel too: on loopback that includes the delivery to
    /// the receiving sockets.
    ///
    /// # Errors
    /// [`ProcessorError`].
    pub fn used(&self) -> Result<Duration, ProcessorError> {
        self.ids.iter().map(|id| used(*id)).sum()
    }
}

/// The first field of `schedstat` is the time on a processor in nanoseconds.
fn used(id: u32) -> Result<Duration, ProcessorError> {
    let text = fs::read_to_string(format!("/proc/self/task/{id}/schedstat"))?;
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
    nanoseconds.map(Duration::from_nanos).ok_or(ProcessorError::Malformed(text))
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, sync::mpsc, thread, time::Instant};

    use super::*;

    #[test]
    fn the_time_of_a_thread_of_that_name_grows_while_it_works_and_only_then() {
        let (tell, told) = mpsc::channel::<()>();
        let (say, said) = mpsc::channel();
        let body = move || {
            while told.recv().is_ok() {
                let until = Instant::now() + Duration::from_millis(60);
                while Instant::now() < until {
                    black_box(0);
                }
                say.send(()).unwrap();
            }
        };
        // Not as media threads are called: other tests of this process would find it.
        const OWN: &str = "worker-of-test";
        let others = MediaThreads::called(OWN).unwrap();
        let worker = thread::Builder::new().name(OWN.into()).spawn(body).unwrap();
        let work = || {
            tell.send(()).unwrap();
            said.recv().unwrap();
        };
        // A thread gives itself its name.
        work();
        let threads = MediaThreads::called(OWN).unwrap().without(&others).unwrap();
        let before = threads.used().unwrap();
        work();
        let worked = threads.used().unwrap() - before;
        // On a busy machine the thread has less of its 60 ms than all.
        assert!(worked > Duration::from_millis(1) && worked < Duration::from_secs(1), "{worked:?}");
        assert!(MediaThreads::called(OWN).unwrap().without(&threads).is_err(), "there is no other");
        drop(tell);
        worker.join().unwrap();
    }
}
