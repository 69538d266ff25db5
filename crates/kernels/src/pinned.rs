//! Values that the compiler leaves where they are.
//!
//! # Safety
//!
//! The one `asm!` has no instruction, and so no effect; the function that has it needs AVX for its register
//! alone, and is called where a token proves it.
#![expect(unsafe_code, reason = "an `asm!` without instructions is the only way to say it")]

use std::arch::{asm, x86_64::__m256i};

use pulp::x86::V3;

/// `vector`, made here, after all that were pinned before it, and kept in a register: sums are then made in
/// the order they are written in. In the compiler's own order more of them wait at a time than there are
/// registers. (The `asm!` is not `pure`, or it could change places with others.)
#[inline(always)]
pub(crate) fn pinned(_proof: V3, vector: __m256i) -> __m256i {
    #[inline]
    #[target_feature(enable = "avx")]
    fn pin(mut vector: __m256i) -> __m256i {
        // SAFETY: there is no instruction.
        unsafe {
            asm!("/* {0} */", inout(ymm_reg) vector, options(nomem, nostack, preserves_flags));
        }
        vector
    }
    // SAFETY: `V3` proves AVX.
    unsafe { pin(vector) }
}
