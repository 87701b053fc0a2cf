"""CEL rules of schemas, run offline through `common-expression-language` with Kubernetes' own functions added."""
