#include "meter/dialect.h"

#include <doctest/doctest.h>

using meter::Dialect;
using meter::endpoint_of;

TEST_CASE("an address says which dialect its reply is written in") {
  struct Row {
    const char* host;
    const char* path;
    const char* provider;
    const char* name;
    Dialect dialect;
    const char* model;
  };
  for (const Row& row : {
           Row{"api.openai.com", "/v1/chat/completions", "openai", "chat.completions", Dialect::chat, ""},
           Row{"api.openai.com:443", "/v1/responses/resp_1?stream=true", "openai", "responses.get", Dialect::responses,
               ""},
           Row{"api.openai.com", "/v1/responses/input_tokens", "openai", "responses.input_tokens", Dialect::token_count,
               ""},
           Row{"api.openai.com", "/v1/responses/resp_1/input_items?limit=2", "openai", "responses.input_items",
               Dialect::none, ""},
           Row{"api.openai.com", "/v1/batches/batch_1", "openai", "batches.get", Dialect::responses, ""},
           Row{"api.openai.com", "/v1/batches/batch_1/cancel", "openai", "batches.cancel", Dialect::responses, ""},
           Row{"api.openai.com", "/v1/batches", "openai", "batches", Dialect::responses, ""},
           Row{"api.openai.com", "/v1/files", "openai", "files", Dialect::none, ""},
           Row{"api.openai.com", "/v1/files/file-1", "openai", "files.get", Dialect::none, ""},
           Row{"api.openai.com", "/v1/files/file-1/content", "openai", "files.content", Dialect::none, ""},
           Row{"api.openai.com", "/v1/threads/t/runs/r", "openai", "threads.runs.get", Dialect::runs, ""},
           Row{"api.openai.com", "/v1/threads/t/messages", "openai", "threads.messages", Dialect::none, ""},
           Row{"x.openai.azure.com", "//openai/deployments/my%20gpt/chat/completions?api-version=1", "azure_openai",
               "chat.completions", Dialect::chat, "my gpt"},
           Row{"api.anthropic.com", "/v1/messages?beta=true", "anthropic", "messages", Dialect::anthropic, ""},
           Row{"api.anthropic.com", "/v1/messages/count_tokens", "anthropic", "messages.count_tokens",
               Dialect::token_count, ""},
           Row{"generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
               "gemini", "streamGenerateContent", Dialect::gemini, "gemini-2.5-pro"},
           Row{"generativelanguage.googleapis.com", "/v1beta/openai/chat/completions", "gemini", "chat.completions",
               Dialect::chat, ""},
           Row{"europe-west4-aiplatform.googleapis.com",
               "/v1/projects/p/locations/l/publishers/anthropic/models/claude:rawPredict", "vertex", "rawPredict",
               Dialect::anthropic, "claude"},
           Row{"bedrock-runtime.us-east-1.amazonaws.com", "/model/us.amazon.nova-micro-v1%3A0/converse-stream",
               "bedrock", "converse-stream", Dialect::converse, "us.amazon.nova-micro-v1:0"},
           Row{"api.cohere.com", "/v2/chat", "cohere", "v2.chat", Dialect::cohere, ""},
           Row{"api.cohere.com", "/v1/rerank", "cohere", "rerank", Dialect::cohere, ""},
           Row{"api.voyageai.com", "/v1/rerank", "voyage", "rerank", Dialect::embeddings, ""},
           Row{"api.writer.com:443", "/v1/chat", "writer", "chat", Dialect::chat, ""},
           Row{"127.0.0.1:11434", "/api/chat", "unknown", "chat", Dialect::ollama, ""},
           Row{"abc.endpoints.huggingface.cloud", "/", "huggingface", "tgi", Dialect::tgi, ""},
           Row{"api.example.com", "/v1/mail", "unknown", "unknown", Dialect::none, ""},
           Row{"", "", "unknown", "unknown", Dialect::none, ""},
           Row{"api.openai.com", "/v1/threads//runs", "openai", "unknown", Dialect::none, ""},
       }) {
    CAPTURE(row.path);
    const auto endpoint = endpoint_of("POST", row.host, row.path);
    CHECK(endpoint.provider == row.provider);
    CHECK(endpoint.name == row.name);
    CHECK(endpoint.dialect == row.dialect);
    CHECK(endpoint.model == row.model);
  }
  CHECK(endpoint_of("GET", "api.openai.com", "/v1/threads/t/runs").dialect == Dialect::none);
}
