#![allow(unsafe_code, reason = "an allocator has no safe door")]
//! Memory that is given back is empty: what is deleted of a person is not in the process any longer.
//!
//! A model passes through many hands: buffers of the HTTP library, vectors that grow, deltas, what a
//! blocking thread read of a disk. Each of them is given back in the end, most of them by code that is
//! not ours and cannot be told what is in them. So all of them are wiped. Nothing is allocated for a
//! packet that is forwarded: what this costs is paid by joins, messages and models.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
};

/// The system's allocator, which is given back nothing but zeros.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wiping;

// SAFETY: all of it is done by the system's allocator, under the same contract. Memory is written to
// once more before it is given back, within the size that it was asked for in. `realloc` is the one of
// the trait, so that what is left behind by something that grows goes through `dealloc`.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back `layout.size()` bytes that are its own, and nobody else's.
        unsafe { ptr.write_bytes(0, layout.size()) };
        // Without this a compiler may leave out writing what nobody reads.
        black_box(ptr);
        // SAFETY: the caller's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_keeps_what_it_holds() {
        let layout = Layout::from_size_align(100, 8).expect("a layout");
        // SAFETY: memory of this layout is written to and read within it, and given back once.
        let grown = unsafe {
            let small = Wiping.alloc_zeroed(layout);
            small.add(99).write(7);
            let large = Wiping.realloc(small, layout, 1_000);
            let held = (large.read(), large.add(99).read());
            Wiping.dealloc(large, Layout::from_size_align(1_000, 8).expect("a layout"));
            held
        };
        assert_eq!(grown, (0, 7));
    }
}
