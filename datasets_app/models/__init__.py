"""The nouns of a dataset's history, one file each."""

from datasets_app.models.branch import Branch, DeletedBranch
from datasets_app.models.change import Change, ChangeSet, CommitWarnings
from datasets_app.models.dataset import Dataset, Visibility
from datasets_app.models.dataset_blob import DatasetBlob
from datasets_app.models.distributions import VersionDistributions
from datasets_app.models.idempotency import IdempotencyKey
from datasets_app.models.image import Image, ImageIndex
from datasets_app.models.image_hash import HashState, ImageHash
from datasets_app.models.job import Job, JobState
from datasets_app.models.job_key import JobKey
from datasets_app.models.job_line import JobLine, Level
from datasets_app.models.leak_report import Leak, LeakKind, LeakReport
from datasets_app.models.photo import Photo
from datasets_app.models.pixel_comparison import (
    ComparedFlow,
    ComparedImage,
    PairDiff,
    PixelComparison,
    RankedImage,
)
from datasets_app.models.statistics import VersionClassStats, VersionSplitStats
from datasets_app.models.tag import Tag
from datasets_app.models.tree_node import TreeNode
from datasets_app.models.union_count import UnionCount
from datasets_app.models.version import Version, VersionParent
from datasets_app.models.webhook import Delivery, DeliveryState, Webhook, WebhookEvent
from datasets_app.models.worker import Worker

__all__ = [
    "Branch",
    "Change",
    "ChangeSet",
    "CommitWarnings",
    "ComparedFlow",
    "ComparedImage",
    "Dataset",
    "DatasetBlob",
    "DeletedBranch",
    "Delivery",
    "DeliveryState",
    "HashState",
    "IdempotencyKey",
    "Image",
    "ImageHash",
    "ImageIndex",
    "Job",
    "JobKey",
    "JobLine",
    "JobState",
    "Leak",
    "LeakKind",
    "LeakReport",
    "Level",
    "PairDiff",
    "Photo",
    "PixelComparison",
    "RankedImage",
    "Tag",
    "TreeNode",
    "UnionCount",
    "Version",
    "VersionClassStats",
    "VersionDistributions",
    "VersionParent",
    "VersionSplitStats",
    "Visibility",
    "Webhook",
    "WebhookEvent",
    "Worker",
]
