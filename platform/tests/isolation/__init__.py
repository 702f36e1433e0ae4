"""The isolation suite: canary crawl, context storm, SQL attacks, prefixes, attack catalogue; `ATENDE_ISOLATION=full` is the long form."""
