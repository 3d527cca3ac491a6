"""Who took a job, whether an entry of the spool is really that job's, and where goes what is not."""
