-- Finds the jobs that the tables of all jobs do not have, or have otherwise than the lake, and compares the row counts of
-- the other jobs. Returns one row:
--
-- pending: number of jobs that are new, overwritten or deleted.
-- jobs: the first of them as SQL, for VALUES: job ID, completion time, and content, which is null for a deleted job.
-- put: the job IDs among these that are in the lake, for IN.
-- differing: up to 20 jobs that are not pending, but whose row counts differ from those in the table jobs.
--
-- A batch has at most 500 jobs, 100,000 files and 20 million rows, so each statement stays below 262,144 characters and
-- 30 minutes. Jobs of old versions have no content: counts and time stand for it.
WITH lake AS (
    SELECT j.job_id,
           j.completed_at_ms,
           coalesce(
               j.content,
               concat_ws(
                   '/',
                   coalesce(CAST(j.completed_at_ms AS varchar), '-'),
                   coalesce(CAST(j.label_count AS varchar), '-'),
                   coalesce(CAST(j.detection_count AS varchar), '-'),
                   coalesce(CAST(j.row_count AS varchar), '-'),
                   coalesce(CAST(j.segment_count AS varchar), '-')
               )
           ) AS content,
           coalesce(j.row_count, 0) AS row_count,
           coalesce(j.segment_count, 0) AS segment_count,
           coalesce(j.label_count, 0) * cardinality(j.aggregate_by) AS files
    FROM jobs j
),
kept AS (
    SELECT j.job_id,
           min(coalesce(
               j.content,
               concat_ws(
                   '/',
                   coalesce(CAST(j.completed_at_ms AS varchar), '-'),
                   coalesce(CAST(j.label_count AS varchar), '-'),
                   coalesce(CAST(j.detection_count AS varchar), '-'),
                   coalesce(CAST(j.row_count AS varchar), '-'),
                   coalesce(CAST(j.segment_count AS varchar), '-')
               )
           )) AS content,
           count(*) AS copies
    FROM all_jobs j
    GROUP BY j.job_id
),
detections AS (
    SELECT job_id, count(*) AS found FROM all_detections GROUP BY job_id
),
segments AS (
    SELECT job_id, count(*) AS found FROM all_segments GROUP BY job_id
),
compared AS (
    SELECT job_id,
           lake.completed_at_ms,
           lake.content,
           coalesce(lake.files, 0) AS files,
           coalesce(lake.row_count, 0) + coalesce(lake.segment_count, 0) AS row_count,
           -- Rows of a job that is in neither table of jobs are left over from a job that was deleted during a run.
           lake.content IS NULL OR lake.content IS DISTINCT FROM kept.content AS pending,
           coalesce(kept.copies, 1) > 1
               OR coalesce(detections.found, 0) <> coalesce(lake.row_count, 0)
               OR coalesce(segments.found, 0) <> coalesce(lake.segment_count, 0) AS differs
    FROM lake
    FULL JOIN kept USING (job_id)
    FULL JOIN detections USING (job_id)
    FULL JOIN segments USING (job_id)
),
numbered AS (
    SELECT *,
           row_number() OVER (PARTITION BY pending ORDER BY completed_at_ms NULLS FIRST, job_id) AS number,
           sum(files) OVER (PARTITION BY pending ORDER BY completed_at_ms NULLS FIRST, job_id) AS files_so_far,
           sum(row_count) OVER (PARTITION BY pending ORDER BY completed_at_ms NULLS FIRST, job_id) AS rows_so_far,
           '''' || replace(job_id, '''', '''''') || '''' AS id
    FROM compared
    WHERE pending OR differs
),
batched AS (
    SELECT *,
           pending AND (number = 1 OR number <= 500 AND files_so_far <= 100000 AND rows_so_far <= 20000000) AS in_batch
    FROM numbered
)
SELECT count_if(pending) AS pending,
       coalesce(
           array_join(
               array_agg(
                   '(' || id || ', ' || coalesce(CAST(completed_at_ms AS varchar), 'NULL') || ', '
                       || coalesce('''' || replace(content, '''', '''''') || '''', 'NULL') || ')'
                   ORDER BY number
               ) FILTER (WHERE in_batch),
               ', '
           ),
           ''
       ) AS jobs,
       coalesce(
           array_join(array_agg(id ORDER BY number) FILTER (WHERE in_batch AND content IS NOT NULL), ', '),
           '''no job'''
       ) AS put,
       coalesce(
           array_join(array_agg(job_id ORDER BY number) FILTER (WHERE NOT pending AND number <= 20), ', '),
           ''
       ) AS differing
FROM batched
