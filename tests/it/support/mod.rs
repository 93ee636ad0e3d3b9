//! What tests share: the laboratory, line languages, processes, samples. No test is in here.

pub(crate) mod generated;
pub(crate) mod lab;
pub(crate) mod lines;
pub(crate) mod members;
pub(crate) mod people;
pub(crate) mod process;
pub(crate) mod rendering;
pub(crate) mod sample;
pub(crate) mod toy;
