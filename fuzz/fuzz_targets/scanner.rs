#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| treekeep_fuzz::scanner::check(input));
