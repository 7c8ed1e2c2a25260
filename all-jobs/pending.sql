-- Finds the jobs that the tables of all jobs do not have, or have otherwise than the lake. For all jobs, it compares the
-- number of rows, and the completion time in the rows. Returns a row for each batch of pending jobs, or a single row if no
-- job is pending:
--
-- pending: number of jobs that are new, overwritten or deleted, or whose rows differ. It is the same in each row.
-- jobs: the jobs of the batch as SQL, for VALUES: job ID, completion time, and content, which is null for a deleted job.
-- put: the job IDs among these that are in the lake, for IN.
-- paths: the files of the table jobs with these job IDs, for IN.
-- differing: up to 20 jobs of the batch that have not changed, and whose rows differ in number or time from the table jobs.
--
-- A batch has at most 500 jobs, and 240,000 characters in a statement. After its first job, it has at most 100,000 files
-- and 20 million rows. So a statement stays below 262,144 characters and 30 minutes. The query reads one file for each job
-- of the lake, and returns up to 50 batches, so a lake is filled with few queries. Jobs of old versions have no content:
-- counts and time stand for it.
WITH versions AS (
    SELECT job_id, in_lake, path, completed_at_ms, row_count, segment_count, label_count * aggregations AS files,
           coalesce(
               j.content,
               array_join(
                   ARRAY[j.completed_at_ms, j.label_count, j.detection_count, j.row_count, j.segment_count], '/', '-'
               )
           ) AS content
    FROM (
        SELECT true AS in_lake, j."$path" AS path, j.job_id, j.completed_at_ms, j.label_count, j.detection_count,
               j.row_count, j.segment_count, cardinality(j.aggregate_by) AS aggregations, j.content
        FROM jobs j
        UNION ALL
        SELECT false, NULL, j.job_id, j.completed_at_ms, j.label_count, j.detection_count,
               j.row_count, j.segment_count, NULL, j.content
        FROM all_jobs j
    ) j
    WHERE job_id IS NOT NULL
),
known AS (
    SELECT job_id,
           max(path) AS path,
           max_by(completed_at_ms, path) FILTER (WHERE in_lake) AS completed_at_ms,
           max_by(content, path) FILTER (WHERE in_lake) AS content,
           max_by(row_count, path) FILTER (WHERE in_lake) AS row_count,
           max_by(segment_count, path) FILTER (WHERE in_lake) AS segment_count,
           max_by(files, path) FILTER (WHERE in_lake) AS files,
           min(content) FILTER (WHERE NOT in_lake) AS kept,
           count_if(NOT in_lake) AS copies
    FROM versions
    GROUP BY job_id
),
-- All rows of a job were written by one MERGE, and have the same time.
detections AS (
    SELECT job_id, count(*) AS found, max(completed_at_ms) AS row_time_ms
    FROM all_detections WHERE job_id IS NOT NULL GROUP BY job_id
),
segments AS (
    SELECT job_id, count(*) AS found, max(completed_at_ms) AS row_time_ms
    FROM all_segments WHERE job_id IS NOT NULL GROUP BY job_id
),
compared AS (
    SELECT job_id,
           content,
           completed_at_ms,
           '''' || replace(job_id, '''', '''''') || '''' AS id,
           '''' || replace(path, '''', '''''') || '''' AS path,
           coalesce(row_count, 0) + coalesce(segment_count, 0) AS row_count,
           coalesce(files, 0) AS files,
           -- Rows of a job that is in neither table of jobs are left over from a job that was deleted during a run.
           content IS NULL OR content IS DISTINCT FROM kept AS changed,
           coalesce(copies, 1) > 1
               OR coalesce(detections.found, 0) <> coalesce(row_count, 0)
               OR coalesce(segments.found, 0) <> coalesce(segment_count, 0)
               -- A MERGE that outlived its execution has written the time of its batch.
               OR (detections.found > 0 AND detections.row_time_ms IS DISTINCT FROM completed_at_ms)
               OR (segments.found > 0 AND segments.row_time_ms IS DISTINCT FROM completed_at_ms) AS differs
    FROM known
    FULL JOIN detections USING (job_id)
    FULL JOIN segments USING (job_id)
),
written AS (
    SELECT *,
           '(' || id || ', ' || coalesce(CAST(completed_at_ms AS varchar), 'NULL') || ', '
               || coalesce('''' || replace(content, '''', '''''') || '''', 'NULL') || ')' AS job
    FROM compared
    WHERE changed OR differs
),
-- A batch is full at a size of 20 million.
numbered AS (
    SELECT *,
           count(*) OVER () AS pending,
           row_number() OVER (ORDER BY completed_at_ms NULLS FIRST, job_id) AS number,
           row_number() OVER (PARTITION BY changed ORDER BY completed_at_ms NULLS FIRST, job_id) AS number_of_kind,
           sum(greatest(
               40000,
               files * 200,
               row_count,
               (2 * length(job) + length(id) + coalesce(length(to_utf8(path)), 0) + 8) * 83
           )) OVER (ORDER BY completed_at_ms NULLS FIRST, job_id) - 1 AS size_so_far
    FROM written
),
batches AS (
    SELECT pending,
           size_so_far - mod(size_so_far, 20000000) AS batch,
           array_join(array_agg(job ORDER BY number), ', ') AS jobs,
           array_join(array_agg(id ORDER BY number) FILTER (WHERE content IS NOT NULL), ', ') AS put,
           array_join(array_agg(path ORDER BY number) FILTER (WHERE content IS NOT NULL), ', ') AS paths,
           array_join(
               array_agg(job_id ORDER BY number) FILTER (WHERE NOT changed AND number_of_kind <= 20), ', '
           ) AS differing
    FROM numbered
    WHERE size_so_far < 50 * 20000000 OR number = 1
    GROUP BY 1, 2
)
SELECT coalesce(pending, 0) AS pending,
       coalesce(jobs, '') AS jobs,
       coalesce(put, '''no job''') AS put,
       coalesce(paths, '''no job''') AS paths,
       coalesce(differing, '') AS differing
FROM (VALUES (0)) AS always (result)
LEFT JOIN batches ON true
ORDER BY batch
