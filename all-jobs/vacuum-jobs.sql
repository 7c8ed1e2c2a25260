-- Removes snapshots of all_jobs that are older than five days, and the files that no other snapshot has.
VACUUM all_jobs
