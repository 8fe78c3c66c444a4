"""The unknowns of a comparison of costs, which it leaves out."""

UNKNOWNS = (
    "Tokenizers differ: the same text is another number of tokens on another model.",
    "Another model may answer at another length: output may be more or less.",
    "Quality, latency and limits of other models: features, context, quota, access to them.",
    "What another model would cache: 'as cached' takes cache reads and writes as they were.",
    "Embeddings of another model fit no index of the earlier one: making them anew costs apart.",
    "Discounts of batches and of provisioned throughput, unless they are configured.",
    "What models without a price of a service tier cost there: their standard price is taken.",
    "Whether AWS bills failed calls, and whatever was not logged.",
)
