"""How much one build may hold. Source of most: https://buildkite.com/docs/platform/limits"""

JOBS_PER_UPLOAD = 500
UPLOADS_PER_BUILD = 500
JOBS_PER_BUILD = 4000
JOBS_PER_MATRIX = 50
JOB_TEXT_BYTES = 64 << 20  # of what the jobs of one upload take, each copy counted
DEPENDENCIES_PER_UPLOAD = 50_000  # each is looked at whenever a job of the build changes
CONDITIONS_S = 5.0  # of what the regular expressions of one upload's conditions take
KNOWN_CONDITIONS_S = 0.5  # of that, while the store is held: their answers are known by then
META_DATA_VALUE_BYTES = 100 * 1024
META_DATA_KEY_CHARACTERS = 512
META_DATA_KEYS_PER_BUILD = 10_000
ANNOTATION_BYTES = 1 << 20
ANNOTATION_CONTEXT_CHARACTERS = 100
ANNOTATIONS_PER_BUILD = 1000
ARTIFACTS_PER_JOB = 5000
ARTIFACT_BYTES = 10 << 30
ARTIFACT_PATH_CHARACTERS = 4096
LOG_BYTES = 1 << 30
CHUNK_BYTES = 1 << 20
CHUNKS_PER_JOB = 1_000_000
HEADER_TIMES_PER_JOB = 100_000
TAGS_PER_AGENT = 500
