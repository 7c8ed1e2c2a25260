//! The command line of the program `simulator`, and the commands that it reads from standard input.

pub(crate) mod args;
pub(crate) mod commands;
