//! `ods`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| tejido_fuzz::workbook(tejido::decode::Format::Ods, input));
