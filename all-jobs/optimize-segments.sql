-- Merges small files of all_segments into large ones, and applies its deletions.
OPTIMIZE all_segments REWRITE DATA USING BIN_PACK
