//! Any bytes: what they are, and what is left of them without their compression.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| tejido_fuzz::payload(input));
