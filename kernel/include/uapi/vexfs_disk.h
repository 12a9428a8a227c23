/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */

/*
 * Generated from shared/ by `node shared/dist/generate.js`: change it there.
 *
 * The on-disk structures of a VexFS volume, little-endian; docs/format.md explains them.
 */

#ifndef _UAPI_VEXFS_DISK_H
#define _UAPI_VEXFS_DISK_H

#include <linux/types.h>

#define VEXFS_SUPERBLOCK_MAGIC           0x46584556
#define VEXFS_FORMAT_VERSION             0x1
#define VEXFS_ROOT_INODE                 0x1
#define VEXFS_FIRST_INODE                0xb
#define VEXFS_MIN_BLOCK_SIZE             0x400
#define VEXFS_MAX_BLOCK_SIZE             0x10000
#define VEXFS_MIN_JOURNAL_BLOCKS         0x400
#define VEXFS_STATE_ERRORS               0x1
#define VEXFS_GROUP_BLOCKS_UNINITIALISED 0x1
#define VEXFS_GROUP_INODES_UNINITIALISED 0x2
#define VEXFS_INODE_SYNC                 0x8
#define VEXFS_INODE_IMMUTABLE            0x10
#define VEXFS_INODE_APPEND               0x20
#define VEXFS_INODE_NODUMP               0x40
#define VEXFS_INODE_NOATIME              0x80
#define VEXFS_INODE_HIDDEN               0x40000000
#define VEXFS_EXTENT_MAGIC               0xe7a1
#define VEXFS_EXTENT_UNWRITTEN           0x1
#define VEXFS_DIRECTORY_MAGIC            0x52494456
#define VEXFS_XATTR_MAGIC                0x54544156
#define VEXFS_SET_MAGIC                  0x54455356
#define VEXFS_LOG_MAGIC                  0x474f4c56
#define VEXFS_RECORD_PUT                 0x1
#define VEXFS_RECORD_RANGE               0x2
#define VEXFS_RECORD_DELETE              0x3
#define VEXFS_RECORD_TRUNCATE            0x4
#define VEXFS_INDEX_NONE                 0x0
#define VEXFS_MAX_TREE_DEPTH             0x8
#define VEXFS_XATTR_USER                 0x1
#define VEXFS_XATTR_TRUSTED              0x2
#define VEXFS_XATTR_SECURITY             0x3
#define VEXFS_XATTR_ACL_ACCESS           0x4
#define VEXFS_XATTR_ACL_DEFAULT          0x5
#define VEXFS_DIRECTORY_NAME_OFFSET      0x12

struct vexfs_superblock {
	__le32 magic;                 /* 0 */
	__le32 version;               /* 4 */
	__le32 block_size;            /* 8 */
	__le32 inode_size;            /* 12 */
	__le64 total_blocks;          /* 16 */
	__le64 free_blocks;           /* 24 */
	__le64 reserved_blocks;       /* 32 */
	__le64 inode_count;           /* 40 */
	__le64 free_inodes;           /* 48 */
	__le32 blocks_per_group;      /* 56 */
	__le32 inodes_per_group;      /* 60 */
	__le32 group_count;           /* 64 */
	__le32 group_descriptor_size; /* 68 */
	__le64 journal_start;         /* 72 */
	__le32 journal_blocks;        /* 80 */
	__le32 first_inode;           /* 84 */
	__le64 vector_data_start;     /* 88 */
	__le64 index_metadata_start;  /* 96 */
	__le64 orphan_head;           /* 104 */
	__le32 feature_compat;        /* 112 */
	__le32 feature_ro_compat;     /* 116 */
	__le32 feature_incompat;      /* 120 */
	__le32 state;                 /* 124 */
	__u8 uuid[16];                /* 128 */
	__u8 label[64];               /* 144 */
	__u8 hash_key[16];            /* 208 */
	__le64 format_time;           /* 224 */
	__le64 mount_time;            /* 232 */
	__le64 write_time;            /* 240 */
	__le32 mount_count;           /* 248 */
	__le32 reserved_uid;          /* 252 */
	__le32 reserved_gid;          /* 256 */
	__u8 pad_260[248];            /* 260 */
	__le32 checksum;              /* 508 */
	__u8 pad_512[512];            /* 512 */
};

struct vexfs_group_descriptor {
	__le32 free_blocks;           /* 0 */
	__le32 free_inodes;           /* 4 */
	__le32 used_directories;      /* 8 */
	__le32 initialised_inodes;    /* 12 */
	__le32 flags;                 /* 16 */
	__le32 block_bitmap_checksum; /* 20 */
	__le32 inode_bitmap_checksum; /* 24 */
	__u8 pad_28[32];              /* 28 */
	__le32 checksum;              /* 60 */
};

struct vexfs_inode {
	__le16 mode;             /* 0 */
	__u8 pad_2[2];           /* 2 */
	__le32 links;            /* 4 */
	__le32 uid;              /* 8 */
	__le32 gid;              /* 12 */
	__le64 size;             /* 16 */
	__le64 blocks;           /* 24 */
	__le64 atime;            /* 32 */
	__le64 mtime;            /* 40 */
	__le64 ctime;            /* 48 */
	__le64 btime;            /* 56 */
	__le32 atime_nsec;       /* 64 */
	__le32 mtime_nsec;       /* 68 */
	__le32 ctime_nsec;       /* 72 */
	__le32 btime_nsec;       /* 76 */
	__le32 flags;            /* 80 */
	__le32 generation;       /* 84 */
	__le32 rdev;             /* 88 */
	__u8 pad_92[4];          /* 92 */
	__le64 vector_set;       /* 96 */
	__le64 xattr_block;      /* 104 */
	__le64 orphan_next;      /* 112 */
	__le64 parent;           /* 120 */
	__le32 owner_generation; /* 128 */
	__u8 pad_132[4];         /* 132 */
	__u8 root[112];          /* 136 */
	__u8 pad_248[4];         /* 248 */
	__le32 checksum;         /* 252 */
};

struct vexfs_extent_header {
	__le16 magic;    /* 0 */
	__le16 count;    /* 2 */
	__le16 capacity; /* 4 */
	__le16 depth;    /* 6 */
	__le64 owner;    /* 8 */
	__le32 checksum; /* 16 */
	__u8 pad_20[4];  /* 20 */
};

struct vexfs_extent {
	__le64 logical;  /* 0 */
	__le64 physical; /* 8 */
	__le32 length;   /* 16 */
	__le32 flags;    /* 20 */
};

struct vexfs_extent_index {
	__le64 logical; /* 0 */
	__le64 child;   /* 8 */
	__u8 pad_16[8]; /* 16 */
};

struct vexfs_directory_root {
	__le64 block;    /* 0 */
	__le32 depth;    /* 8 */
	__u8 pad_12[4];  /* 12 */
	__le64 entries;  /* 16 */
	__u8 pad_24[88]; /* 24 */
};

struct vexfs_directory_header {
	__le32 magic;      /* 0 */
	__le16 level;      /* 4 */
	__le16 count;      /* 6 */
	__le64 owner;      /* 8 */
	__le32 data_start; /* 16 */
	__le32 checksum;   /* 20 */
	__le32 garbage;    /* 24 */
	__u8 pad_28[4];    /* 28 */
};

struct vexfs_directory_index {
	__le64 cookie; /* 0 */
	__le64 child;  /* 8 */
};

struct vexfs_directory_entry {
	__le64 cookie;    /* 0 */
	__le64 inode;     /* 8 */
	__u8 type;        /* 16 */
	__u8 name_length; /* 17 */
	__u8 pad_18[6];   /* 18 */
};

struct vexfs_xattr_header {
	__le32 magic;    /* 0 */
	__le32 count;    /* 4 */
	__le32 used;     /* 8 */
	__le32 checksum; /* 12 */
	__le64 owner;    /* 16 */
	__u8 pad_24[8];  /* 24 */
};

struct vexfs_xattr_entry {
	__u8 name_space;     /* 0 */
	__u8 name_length;    /* 1 */
	__u8 pad_2[2];       /* 2 */
	__le32 value_length; /* 4 */
};

struct vexfs_set_header {
	__le32 magic;                 /* 0 */
	__le32 checksum;              /* 4 */
	__le64 owner;                 /* 8 */
	__le32 owner_generation;      /* 16 */
	__le32 dimensions;            /* 20 */
	__le32 element_type;          /* 24 */
	__le32 storage_format;        /* 28 */
	__le32 compression_type;      /* 32 */
	__le32 alignment;             /* 36 */
	__le64 data_offset;           /* 40 */
	__le64 slots;                 /* 48 */
	__le64 live_rows;             /* 56 */
	__le64 next_id;               /* 64 */
	__le64 log_inode;             /* 72 */
	__le64 log_blocks;            /* 80 */
	__le64 graph_inode;           /* 88 */
	__le32 inline_records;        /* 96 */
	__le32 log_compactions;       /* 100 */
	__le32 index_type;            /* 104 */
	__le32 index_metric;          /* 108 */
	__le32 index_m;               /* 112 */
	__le32 index_ef_construction; /* 116 */
	__le32 index_ef_search;       /* 120 */
	__le32 index_automatic;       /* 124 */
	__le64 graph_records;         /* 128 */
	__le32 graph_offset;          /* 136 */
	__le32 graph_compactions;     /* 140 */
	__le64 graph_bytes;           /* 144 */
	__le32 graph_scan;            /* 152 */
	__u8 pad_156[356];            /* 156 */
};

struct vexfs_log_header {
	__le32 magic;    /* 0 */
	__le32 count;    /* 4 */
	__le64 owner;    /* 8 */
	__le64 index;    /* 16 */
	__le32 checksum; /* 24 */
	__u8 pad_28[4];  /* 28 */
};

struct vexfs_log_record {
	__le32 type;  /* 0 */
	__le32 slot;  /* 4 */
	__le64 id;    /* 8 */
	__le64 count; /* 16 */
};

#ifdef __cplusplus
#define VEXFS_DISK_ASSERT static_assert
#else
#define VEXFS_DISK_ASSERT _Static_assert
#endif

VEXFS_DISK_ASSERT(sizeof(struct vexfs_superblock) == 1024, "size of vexfs_superblock");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, magic) == 0, "offset of vexfs_superblock.magic");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, version) == 4, "offset of vexfs_superblock.version");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, block_size) == 8, "offset of vexfs_superblock.block_size");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, inode_size) == 12, "offset of vexfs_superblock.inode_size");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, total_blocks) == 16, "offset of vexfs_superblock.total_blocks");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, free_blocks) == 24, "offset of vexfs_superblock.free_blocks");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, reserved_blocks) == 32, "offset of vexfs_superblock.reserved_blocks");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, inode_count) == 40, "offset of vexfs_superblock.inode_count");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, free_inodes) == 48, "offset of vexfs_superblock.free_inodes");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, blocks_per_group) == 56, "offset of vexfs_superblock.blocks_per_group");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, inodes_per_group) == 60, "offset of vexfs_superblock.inodes_per_group");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, group_count) == 64, "offset of vexfs_superblock.group_count");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, group_descriptor_size) == 68, "offset of vexfs_superblock.group_descriptor_size");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, journal_start) == 72, "offset of vexfs_superblock.journal_start");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, journal_blocks) == 80, "offset of vexfs_superblock.journal_blocks");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, first_inode) == 84, "offset of vexfs_superblock.first_inode");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, vector_data_start) == 88, "offset of vexfs_superblock.vector_data_start");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, index_metadata_start) == 96, "offset of vexfs_superblock.index_metadata_start");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, orphan_head) == 104, "offset of vexfs_superblock.orphan_head");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, feature_compat) == 112, "offset of vexfs_superblock.feature_compat");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, feature_ro_compat) == 116, "offset of vexfs_superblock.feature_ro_compat");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, feature_incompat) == 120, "offset of vexfs_superblock.feature_incompat");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, state) == 124, "offset of vexfs_superblock.state");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, uuid) == 128, "offset of vexfs_superblock.uuid");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, label) == 144, "offset of vexfs_superblock.label");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, hash_key) == 208, "offset of vexfs_superblock.hash_key");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, format_time) == 224, "offset of vexfs_superblock.format_time");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, mount_time) == 232, "offset of vexfs_superblock.mount_time");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, write_time) == 240, "offset of vexfs_superblock.write_time");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, mount_count) == 248, "offset of vexfs_superblock.mount_count");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, reserved_uid) == 252, "offset of vexfs_superblock.reserved_uid");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, reserved_gid) == 256, "offset of vexfs_superblock.reserved_gid");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_superblock, checksum) == 508, "offset of vexfs_superblock.checksum");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_group_descriptor) == 64, "size of vexfs_group_descriptor");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_group_descriptor, free_blocks) == 0, "offset of vexfs_group_descriptor.free_blocks");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_group_descriptor, free_inodes) == 4, "offset of vexfs_group_descriptor.free_inodes");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_group_descriptor, used_directories) == 8, "offset of vexfs_group_descriptor.used_directories");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_group_descriptor, initialised_inodes) == 12, "offset of vexfs_group_descriptor.initialised_inodes");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_group_descriptor, flags) == 16, "offset of vexfs_group_descriptor.flags");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_group_descriptor, block_bitmap_checksum) == 20, "offset of vexfs_group_descriptor.block_bitmap_checksum");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_group_descriptor, inode_bitmap_checksum) == 24, "offset of vexfs_group_descriptor.inode_bitmap_checksum");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_group_descriptor, checksum) == 60, "offset of vexfs_group_descriptor.checksum");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_inode) == 256, "size of vexfs_inode");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, mode) == 0, "offset of vexfs_inode.mode");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, links) == 4, "offset of vexfs_inode.links");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, uid) == 8, "offset of vexfs_inode.uid");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, gid) == 12, "offset of vexfs_inode.gid");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, size) == 16, "offset of vexfs_inode.size");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, blocks) == 24, "offset of vexfs_inode.blocks");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, atime) == 32, "offset of vexfs_inode.atime");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, mtime) == 40, "offset of vexfs_inode.mtime");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, ctime) == 48, "offset of vexfs_inode.ctime");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, btime) == 56, "offset of vexfs_inode.btime");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, atime_nsec) == 64, "offset of vexfs_inode.atime_nsec");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, mtime_nsec) == 68, "offset of vexfs_inode.mtime_nsec");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, ctime_nsec) == 72, "offset of vexfs_inode.ctime_nsec");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, btime_nsec) == 76, "offset of vexfs_inode.btime_nsec");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, flags) == 80, "offset of vexfs_inode.flags");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, generation) == 84, "offset of vexfs_inode.generation");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, rdev) == 88, "offset of vexfs_inode.rdev");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, vector_set) == 96, "offset of vexfs_inode.vector_set");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, xattr_block) == 104, "offset of vexfs_inode.xattr_block");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, orphan_next) == 112, "offset of vexfs_inode.orphan_next");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, parent) == 120, "offset of vexfs_inode.parent");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, owner_generation) == 128, "offset of vexfs_inode.owner_generation");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, root) == 136, "offset of vexfs_inode.root");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_inode, checksum) == 252, "offset of vexfs_inode.checksum");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_extent_header) == 24, "size of vexfs_extent_header");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent_header, magic) == 0, "offset of vexfs_extent_header.magic");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent_header, count) == 2, "offset of vexfs_extent_header.count");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent_header, capacity) == 4, "offset of vexfs_extent_header.capacity");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent_header, depth) == 6, "offset of vexfs_extent_header.depth");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent_header, owner) == 8, "offset of vexfs_extent_header.owner");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent_header, checksum) == 16, "offset of vexfs_extent_header.checksum");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_extent) == 24, "size of vexfs_extent");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent, logical) == 0, "offset of vexfs_extent.logical");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent, physical) == 8, "offset of vexfs_extent.physical");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent, length) == 16, "offset of vexfs_extent.length");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent, flags) == 20, "offset of vexfs_extent.flags");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_extent_index) == 24, "size of vexfs_extent_index");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent_index, logical) == 0, "offset of vexfs_extent_index.logical");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_extent_index, child) == 8, "offset of vexfs_extent_index.child");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_directory_root) == 112, "size of vexfs_directory_root");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_root, block) == 0, "offset of vexfs_directory_root.block");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_root, depth) == 8, "offset of vexfs_directory_root.depth");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_root, entries) == 16, "offset of vexfs_directory_root.entries");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_directory_header) == 32, "size of vexfs_directory_header");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_header, magic) == 0, "offset of vexfs_directory_header.magic");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_header, level) == 4, "offset of vexfs_directory_header.level");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_header, count) == 6, "offset of vexfs_directory_header.count");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_header, owner) == 8, "offset of vexfs_directory_header.owner");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_header, data_start) == 16, "offset of vexfs_directory_header.data_start");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_header, checksum) == 20, "offset of vexfs_directory_header.checksum");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_header, garbage) == 24, "offset of vexfs_directory_header.garbage");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_directory_index) == 16, "size of vexfs_directory_index");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_index, cookie) == 0, "offset of vexfs_directory_index.cookie");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_index, child) == 8, "offset of vexfs_directory_index.child");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_directory_entry) == 24, "size of vexfs_directory_entry");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_entry, cookie) == 0, "offset of vexfs_directory_entry.cookie");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_entry, inode) == 8, "offset of vexfs_directory_entry.inode");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_entry, type) == 16, "offset of vexfs_directory_entry.type");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_directory_entry, name_length) == 17, "offset of vexfs_directory_entry.name_length");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_xattr_header) == 32, "size of vexfs_xattr_header");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_xattr_header, magic) == 0, "offset of vexfs_xattr_header.magic");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_xattr_header, count) == 4, "offset of vexfs_xattr_header.count");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_xattr_header, used) == 8, "offset of vexfs_xattr_header.used");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_xattr_header, checksum) == 12, "offset of vexfs_xattr_header.checksum");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_xattr_header, owner) == 16, "offset of vexfs_xattr_header.owner");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_xattr_entry) == 8, "size of vexfs_xattr_entry");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_xattr_entry, name_space) == 0, "offset of vexfs_xattr_entry.name_space");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_xattr_entry, name_length) == 1, "offset of vexfs_xattr_entry.name_length");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_xattr_entry, value_length) == 4, "offset of vexfs_xattr_entry.value_length");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_set_header) == 512, "size of vexfs_set_header");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, magic) == 0, "offset of vexfs_set_header.magic");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, checksum) == 4, "offset of vexfs_set_header.checksum");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, owner) == 8, "offset of vexfs_set_header.owner");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, owner_generation) == 16, "offset of vexfs_set_header.owner_generation");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, dimensions) == 20, "offset of vexfs_set_header.dimensions");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, element_type) == 24, "offset of vexfs_set_header.element_type");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, storage_format) == 28, "offset of vexfs_set_header.storage_format");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, compression_type) == 32, "offset of vexfs_set_header.compression_type");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, alignment) == 36, "offset of vexfs_set_header.alignment");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, data_offset) == 40, "offset of vexfs_set_header.data_offset");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, slots) == 48, "offset of vexfs_set_header.slots");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, live_rows) == 56, "offset of vexfs_set_header.live_rows");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, next_id) == 64, "offset of vexfs_set_header.next_id");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, log_inode) == 72, "offset of vexfs_set_header.log_inode");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, log_blocks) == 80, "offset of vexfs_set_header.log_blocks");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, graph_inode) == 88, "offset of vexfs_set_header.graph_inode");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, inline_records) == 96, "offset of vexfs_set_header.inline_records");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, log_compactions) == 100, "offset of vexfs_set_header.log_compactions");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, index_type) == 104, "offset of vexfs_set_header.index_type");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, index_metric) == 108, "offset of vexfs_set_header.index_metric");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, index_m) == 112, "offset of vexfs_set_header.index_m");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, index_ef_construction) == 116, "offset of vexfs_set_header.index_ef_construction");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, index_ef_search) == 120, "offset of vexfs_set_header.index_ef_search");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, index_automatic) == 124, "offset of vexfs_set_header.index_automatic");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, graph_records) == 128, "offset of vexfs_set_header.graph_records");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, graph_offset) == 136, "offset of vexfs_set_header.graph_offset");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, graph_compactions) == 140, "offset of vexfs_set_header.graph_compactions");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, graph_bytes) == 144, "offset of vexfs_set_header.graph_bytes");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_set_header, graph_scan) == 152, "offset of vexfs_set_header.graph_scan");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_log_header) == 32, "size of vexfs_log_header");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_header, magic) == 0, "offset of vexfs_log_header.magic");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_header, count) == 4, "offset of vexfs_log_header.count");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_header, owner) == 8, "offset of vexfs_log_header.owner");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_header, index) == 16, "offset of vexfs_log_header.index");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_header, checksum) == 24, "offset of vexfs_log_header.checksum");

VEXFS_DISK_ASSERT(sizeof(struct vexfs_log_record) == 24, "size of vexfs_log_record");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_record, type) == 0, "offset of vexfs_log_record.type");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_record, slot) == 4, "offset of vexfs_log_record.slot");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_record, id) == 8, "offset of vexfs_log_record.id");
VEXFS_DISK_ASSERT(__builtin_offsetof(struct vexfs_log_record, count) == 16, "offset of vexfs_log_record.count");

#undef VEXFS_DISK_ASSERT

#endif /* _UAPI_VEXFS_DISK_H */
