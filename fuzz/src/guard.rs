//! An allocator that ends the process where somebody asks for too much.
//!
//! libFuzzer looks at the resident memory once a second, and so never sees memory that was asked for and not touched:
//! what the bytes merely claim. Here the request itself is the finding.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;

/// Bytes that may be asked for at once: half of what a worker has for everything.
const ONCE_BYTES_MAX: usize = 256 << 20;

struct Guard;

#[global_allocator]
static GUARD: Guard = Guard;

thread_local! {
    static ENDING: Cell<bool> = const { Cell::new(false) };
}

// Safety: everything is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Guard {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

fn check(size: usize) {
    if size > ONCE_BYTES_MAX && !ENDING.replace(true) {
        eprintln!("{size} bytes were asked for at once, {ONCE_BYTES_MAX} are allowed\n{}", Backtrace::force_capture());
        std::process::abort();
    }
}
