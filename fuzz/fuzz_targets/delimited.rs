//! `delimited`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| tejido_fuzz::decode(tejido::decode::Format::Delimited, input));
