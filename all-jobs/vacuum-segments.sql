-- Removes old snapshots of all_segments, and the files that no other snapshot has. Athena keeps snapshots for five days.
VACUUM all_segments
