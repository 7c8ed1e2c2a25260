//! Nothing: what is here is in `benches/`.
