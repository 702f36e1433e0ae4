"""Routes of the conversation API and of signed files."""

from django.urls import path

from tenant_apps.messaging import views

urlpatterns = [
    path("conversations/<uuid:conversation_id>", views.ConversationView.as_view(), name="conversation"),
    path("conversations/<uuid:conversation_id>/messages", views.ConversationMessagesView.as_view(), name="conversation-messages"),
    path("messages/<uuid:message_id>/deliveries", views.MessageDeliveryView.as_view(), name="message-deliveries"),
]
file_patterns = [path("files/<uuid:attachment_id>/<int:expires>/<str:mac>/", views.attachment, name="attachment")]
