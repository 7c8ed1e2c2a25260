-- Merges small files of all_detections into large ones, and applies its deletions.
OPTIMIZE all_detections REWRITE DATA USING BIN_PACK
