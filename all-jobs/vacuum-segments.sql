-- Removes snapshots of all_segments that are older than five days, and the files that no other snapshot has.
VACUUM all_segments
