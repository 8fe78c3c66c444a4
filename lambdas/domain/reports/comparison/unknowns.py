"""The unknowns of a comparison of costs, which it leaves out."""

UNKNOWNS = (
    "Tokenizers differ: the same text has a different number of tokens on another model.",
    "Another model may give longer or shorter answers.",
    "Quality, latency and limits of other models: features, context, quota and access.",
    "Caching on another model: cache reads and writes are taken as they were.",
    "Embeddings work only in the index of their own model: creating them again costs extra.",
    "Discounts for provisioned throughput, unless contracted_prices has them.",
    "The price of a service tier that is not listed for a model: its standard price is used.",
    "Charges for failed calls, and everything that was not logged.",
)
