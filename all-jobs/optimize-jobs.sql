-- Merges small files of all_jobs into large ones, and applies its deletions.
OPTIMIZE all_jobs REWRITE DATA USING BIN_PACK
